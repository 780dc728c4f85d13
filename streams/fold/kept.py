"""The rows of `state` in format 5, which `streams.formats.state` describes: written from rows, and read into them.

0.08 us a record to write, 1.5 us to read into a new table: names are added, memories find a place.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.day_lines import begin
from streams.fold.hashing import name_key
from streams.fold.lately import MOST as MOST_LATELY
from streams.fold.lately import OF_ACTED, OF_GOT, acted, bits, got, put_acted, put_got, sized
from streams.fold.letters import valid
from streams.fold.memories import MOST as MOST_MEMORY
from streams.fold.memories import TOP, put_one, sound
from streams.fold.names import PAGE, add, find, page_of, place_of, tag_of
from streams.fold.people import is_full
from streams.fold.people import put as put_people
from streams.fold.people import sound as sound_people
from streams.fold.rows import (
    ACTED,
    ACTIONS,
    DID,
    DID_TS,
    ENGAGEMENTS,
    GOT,
    KEPT,
    MET,
    PUBLISHED,
    SCORE,
    SUMS,
    WEEK,
)  # fmt: skip
from streams.fold.since import ACTED_SINCE, GAINED, KEPT_SINCE
from streams.fold.words import ahead, load_f64, load_u32, load_u64, move, store_f64, store_u32, store_u64

DID_KEY, GOT_KEY, MET_KEY = ord("d"), ord("g"), ord("p")
DID_HEAD, GOT_HEAD = 56, 24  #: bytes before the memory; before the columns
_DID_DAY, _GOT_DAY = 4, 12  # where they have the day of the last close
OF_ROW = KEPT - SUMS  #: columns of the row that a record of what somebody got may have
COLUMNS = OF_ROW + KEPT_SINCE  #: and those of what has come since the last close; that of the actions stays empty
#: bytes of a user's three records at most, without names, memory and sketch
MOST_ROW = 3 + GOT_HEAD + 8 * COLUMNS + DID_HEAD + MOST_LATELY


@part
def _key(out, at, sort, names, slot):
    out[at] = sort
    start = names.starts[slot]
    n = names.starts[slot + 1] - start
    move(out, at + 1, names.text, start, n)
    return at + 1 + n


@part
def _column(out, at, value):
    store_f64(out, at, value)
    return at + 8


@part
def _copy(out, at, text, ends, number):
    """Of what lies one behind another in `text`, that of this number; returns where it ends."""
    start = ends[number - 1] if number else 0
    move(out, at, text, start, ends[number] - start)
    return at + ends[number] - start


@kernel
def write(
    names, slots, rows, marks, days, since, lately, gained, memories, memory_ends, first, people, people_ends, first_met, steps,
    lives, out, bounds,
):  # fmt: skip
    """The records of users changed like this, key and value in turn, number i of these from bounds[i] to bounds[i + 1].

    `days` (n,) and `since` (n, KEPT_SINCE or more columns) are the day of the last close, 0: nobody's, and what has come behind it;
    `lately` (n, MARKS) and `gained` (n, MARKS, COLUMNS) what came behind the last marks, as `streams.fold.hours` copies it.
    `steps` are the landmarks in half-lives, `lives` these in ms; `first` and
    `first_met` are the numbers of the first memory and of the first sketch.
    Returns how many records there are.
    """
    at, n, memory, met = np.int64(0), np.int64(0), first, first_met
    for i in range(len(slots)):
        slot, row = slots[i], rows[i]
        if i + 8 < len(slots):
            ahead(names.starts, slots[i + 8])
        if i + 4 < len(slots):
            ahead(names.text, names.starts[slots[i + 4]])
        if marks[i] & DID:
            at = bounds[2 * n + 1] = _key(out, at, DID_KEY, names, slot)
            store_u32(out, at, np.uint32(steps[WEEK]))
            store_u32(out, at + 4, np.uint32(days[i]))
            at = _column(out, _column(out, _column(out, at + 8, row[ACTED]), row[ACTIONS]), row[DID_TS])
            at = _column(out, _column(out, at, row[SCORE]), row[PUBLISHED])
            at = _column(out, at, since[i, ACTED_SINCE] if days[i] else 0.0)
            at = put_acted(out, at, lately[i], gained[i], steps, lives)
            at = _copy(out, at, memories, memory_ends, memory)
            n, memory = n + 1, memory + 1
            bounds[2 * n] = at
        if marks[i] & GOT:
            head = bounds[2 * n + 1] = _key(out, at, GOT_KEY, names, slot)
            at, mask = head + GOT_HEAD, np.uint64(0)
            for window in range(3):
                store_u32(out, head + 4 * window, np.uint32(steps[window]))
            store_u32(out, head + 12, np.uint32(days[i]))
            for column in range(OF_ROW):
                if row[SUMS + column] != 0.0:
                    mask |= np.uint64(1) << np.uint64(column)
                    at = _column(out, at, row[SUMS + column])
            if days[i]:
                for column in range(KEPT_SINCE):
                    if since[i, column] != 0.0 and column != ACTED_SINCE:
                        mask |= np.uint64(1) << np.uint64(OF_ROW + column)
                        at = _column(out, at, since[i, column])
            store_u64(out, head + 16, mask)
            at = put_got(out, at, lately[i], gained[i], steps, lives)
            n += 1
            bounds[2 * n] = at
        if marks[i] & MET:
            at = bounds[2 * n + 1] = _key(out, at, MET_KEY, names, slot)
            at = _copy(out, at, people, people_ends, met)
            n, met = n + 1, met + 1
            bounds[2 * n] = at
    return n


@kernel
def unsound(keys, key_starts, key_ends, values, value_starts, value_ends):
    """The number of the first record that is none of these; -1: all are. Nobody's name is empty."""
    for i in range(len(key_ends)):
        start, end = value_starts[i], value_ends[i]
        if key_ends[i] - key_starts[i] < 1 or not valid(keys, key_starts[i], key_ends[i]):
            return i
        if keys[key_starts[i]] == DID_KEY:
            memory = start + DID_HEAD + sized(values, start + DID_HEAD, end, OF_ACTED)
            if memory <= start + DID_HEAD or not sound(values, memory, end):
                return i
        elif keys[key_starts[i]] == GOT_KEY:
            if end - start < GOT_HEAD:
                return i
            mask = load_u64(values, start + 16)
            behind = start + GOT_HEAD + 8 * bits(mask)
            if mask >> np.uint64(COLUMNS) or end - behind != sized(values, behind, end, OF_GOT):
                return i
        elif keys[key_starts[i]] == MET_KEY:
            if not sound_people(values, start, end):
                return i
        else:
            return i
    return -1


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
    line = _line(days, slot, np.int64(load_u32(text, at + _DID_DAY)))
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
    line = _line(days, slot, np.int64(load_u32(text, at + _GOT_DAY)))
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
    names, cells, memories, people, days, hours, keys, key_starts, key_ends, values, value_starts, value_ends, steps, lives, first,
):  # fmt: skip
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
        if memories.lists[TOP] + MOST_MEMORY > len(memories.arena) or is_full(people):
            return i
        start, tag = key_starts[i] + 1, tags[i - first]
        n = key_ends[i] - start
        slot, place = find(names, tag, keys, start, n)
        if slot < 0:
            slot = add(names, tag, place, keys, start, n)
        at, sort = value_starts[i], keys[start - 1]
        of_day = at + (_DID_DAY if sort == DID_KEY else _GOT_DAY)
        if sort != MET_KEY and days.line[slot] <= 0 and load_u32(values, of_day):
            begin(days, slot)
        if sort == DID_KEY:
            _did(cells[slot], days, slot, values, at, steps)
            acted(hours, slot, values, at + DID_HEAD, steps, lives)
            head = DID_HEAD + sized(values, at + DID_HEAD, value_ends[i], OF_ACTED)
            put_one(memories, slot, values, at + head, value_ends[i] - at - head)
        elif sort == GOT_KEY:
            _got(cells[slot], days, slot, values, at, steps, scratch)
            got(hours, slot, values, at + GOT_HEAD + 8 * bits(load_u64(values, at + 16)), steps, lives)
        else:
            put_people(people, slot, values, at)
    return count
