"""Records of rows, which `streams.fold.kept` has written, back into a table.

1.5 us a record: names are added, memories find a place.
"""

from __future__ import annotations

import numpy as np

from streams.fold.chunks import is_full as no_room
from streams.fold.chunks import put_one
from streams.fold.compiled import kernel, part
from streams.fold.day_lines import begin
from streams.fold.hashing import name_key
from streams.fold.kept import COLUMNS, DID_DAY, DID_HEAD, DID_KEY, GOT_DAY, GOT_HEAD, GOT_KEY, LISTED_KEY
from streams.fold.lately import OF_ACTED, acted, bits, got, sized
from streams.fold.names import PAGE, add, find, page_of, place_of, tag_of
from streams.fold.people import is_full
from streams.fold.people import put as put_people
from streams.fold.rows import (
    ACTED,
    ACTIONS,
    DID_TS,
    ENGAGEMENTS,
    HEAD,
    KEPT,
    PUBLISHED,
    SCORE,
    SUMS,
    WEEK,
)  # fmt: skip
from streams.fold.since import ACTED_SINCE, GAINED, KEPT_SINCE
from streams.fold.words import ahead, load_f64, load_u32, load_u64


@part
def _moved(x, written, now):
    """A decayed sum whose landmark was `written` half-lives, for a landmark of `now`."""
    return np.ldexp(x, np.int64(written) - now) if x != 0.0 else x


@part
def _line(d, slot, day):
    """The line of a slot, which is open, for what is kept of a day; 0: of nobody, or newer closes are there."""
    if not day:
        return np.int64(0)
    line = np.int64(d.line[slot])
    if d.day[line] < day:
        d.day[line] = d.first[line] = day
        for column in range(KEPT_SINCE):
            d.since[line, column] = 0.0
    return line if d.day[line] == day else np.int64(0)


@part
def _did(row, days, slot, text, at, steps):
    row[ACTED] = _moved(load_f64(text, at + 8), load_u32(text, at), steps[WEEK])
    row[ACTIONS], row[DID_TS] = load_f64(text, at + 16), load_f64(text, at + 24)
    if load_f64(text, at + 40) >= row[PUBLISHED]:  # the record with the higher version knows what was published last
        row[SCORE], row[PUBLISHED] = load_f64(text, at + 32), load_f64(text, at + 40)
    line = _line(days, slot, np.int64(load_u32(text, at + DID_DAY)))
    if line:
        days.since[line, ACTED_SINCE] = _moved(load_f64(text, at + 48), load_u32(text, at), steps[WEEK])


@part
def _got(row, days, slot, text, at, steps, cells):
    mask, column_at = load_u64(text, at + 16), at + GOT_HEAD
    for column in range(COLUMNS):
        cells[SUMS + column] = 0.0
        if (mask >> np.uint64(column)) & np.uint64(1):
            cells[SUMS + column] = load_f64(text, column_at)
            column_at += 8
    line = _line(days, slot, np.int64(load_u32(text, at + GOT_DAY)))
    if line:
        for column in range(KEPT_SINCE):
            value, window = cells[KEPT + column], column % 3
            if GAINED <= column < ACTED_SINCE:
                value = _moved(value, load_u32(text, at + 4 * window), steps[window])
            if column != ACTED_SINCE:
                days.since[line, column] = value
    for column in range(SUMS, ENGAGEMENTS):
        window = (column - SUMS) % 3
        row[column] = _moved(cells[column], load_u32(text, at + 4 * window), steps[window])
    newer = cells[PUBLISHED] >= row[PUBLISHED]
    for column in range(ENGAGEMENTS, KEPT):
        if newer or not (column == SCORE or column == PUBLISHED):
            row[column] = cells[column]


@kernel
def read(
    names,
    cells,
    memories,
    people,
    days,
    hours,
    tops,
    keys,
    key_starts,
    key_ends,
    values,
    value_starts,
    value_ends,
    steps,
    lives,
    first,
):
    """Put sound records from number `first` on into rows; returns how far it came before an arena was full.

    There is room for as many users, their names and lines. Later records of a user replace earlier ones.
    """
    scratch, count = np.empty(SUMS + COLUMNS), len(key_ends)
    tags = np.empty(count - first, np.uint64)
    for i in range(first, count):
        start = key_starts[i] + 1
        tags[i - first] = tag_of(name_key(keys, start, key_ends[i] - start, names.seed))
    for i in range(first, count):
        if i + 8 < count:
            later = tags[i + 8 - first]
            ahead(names.buckets, page_of(names, later) * PAGE + place_of(later))
        if no_room(memories) or is_full(people) or no_room(tops):
            return i
        start, tag = key_starts[i] + 1, tags[i - first]
        n = key_ends[i] - start
        slot, place = find(names, tag, keys, start, n)
        if slot < 0:
            slot = add(names, tag, place, keys, start, n)
        at, sort = value_starts[i], keys[start - 1]
        if sort == DID_KEY or sort == GOT_KEY:
            of_day = at + (DID_DAY if sort == DID_KEY else GOT_DAY)
            if days.line[slot] <= 0 and load_u32(values, of_day):
                begin(days, slot)
        if sort == DID_KEY:
            _did(cells[slot], days, slot, values, at, steps)
            acted(hours, slot, values, at + DID_HEAD, steps, lives)
            head = DID_HEAD + sized(values, at + DID_HEAD, value_ends[i], OF_ACTED)
            at += head + HEAD  # without the counts
            put_one(memories, slot, values, at, max(value_ends[i] - at, 0))
        elif sort == GOT_KEY:
            _got(cells[slot], days, slot, values, at, steps, scratch)
            got(hours, slot, values, at + GOT_HEAD + 8 * bits(load_u64(values, at + 16)), steps, lives)
        elif sort == LISTED_KEY:
            put_one(tops, slot, values, at, value_ends[i] - at)
        else:
            put_people(people, slot, values, at)
    return count
