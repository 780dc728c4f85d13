"""The rows of `state` in format 7, which `streams.formats.state` describes, written from rows; `streams.fold.restored` reads them.

0.08 us a record.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.lately import MOST as MOST_LATELY
from streams.fold.lately import OF_ACTED, OF_GOT, bits, put_acted, put_got, sized
from streams.fold.letters import valid
from streams.fold.memories import sound
from streams.fold.names import start_of
from streams.fold.people import sound as sound_people
from streams.fold.rows import (
    ACTED,
    ACTIONS,
    DID,
    DID_TS,
    GOT,
    KEPT,
    LISTED,
    LONGEST,
    MET,
    PUBLISHED,
    SCORE,
    SUMS,
    WEEK,
)  # fmt: skip
from streams.fold.since import ACTED_SINCE, KEPT_SINCE
from streams.fold.tops import sound as sound_tops
from streams.fold.words import ahead, load_u64, move, store_f64, store_u32, store_u64

DID_KEY, GOT_KEY, MET_KEY, LISTED_KEY = ord("d"), ord("g"), ord("p"), ord("t")
DID_HEAD, GOT_HEAD = 56, 24  #: bytes before the memory; before the columns
DID_DAY, GOT_DAY = 4, 12  #: where they have the day of the last close
OF_ROW = KEPT - SUMS  #: columns of the row that a record of what somebody got may have
COLUMNS = OF_ROW + KEPT_SINCE  #: and those of what has come since the last close; that of the actions stays empty
#: bytes of a user's four records at most, without names, memory, sketch and lists
MOST_ROW = 4 + GOT_HEAD + 8 * COLUMNS + DID_HEAD + MOST_LATELY


@part
def _key(out, at, sort, names, slot):
    out[at] = sort
    start = start_of(names, slot)
    n = start_of(names, slot + 1) - start
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
    names, slots, rows, marks, days, since, lately, gained, memories, memory_ends, first, people, people_ends, first_met, tops,
    top_ends, first_top, steps, lives, out, bounds,
):  # fmt: skip
    """The records of users changed like this, key and value in turn, number i of these from bounds[i] to bounds[i + 1].

    `days` (n,) and `since` (n, KEPT_SINCE or more columns) are the day of the last close, 0: nobody's, and what has come behind it;
    `lately` (n, MARKS) and `gained` (n, MARKS, COLUMNS) what came behind the last marks, as `streams.fold.hours` copies it.
    `steps` are the landmarks in half-lives, `lives` these in ms; `first` and
    `first_met` are the numbers of the first memory and of the first sketch, `first_top` that of the first lists.
    Returns how many records there are.
    """
    at, n, memory, met, top = np.int64(0), np.int64(0), first, first_met, first_top
    for i in range(len(slots)):
        slot, row = slots[i], rows[i]
        if i + 8 < len(slots):
            ahead(names.starts, slots[i + 8])
        if i + 4 < len(slots):
            ahead(names.text, start_of(names, slots[i + 4]))
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
        if marks[i] & LISTED:
            at = bounds[2 * n + 1] = _key(out, at, LISTED_KEY, names, slot)
            at = _copy(out, at, tops, top_ends, top)
            n, top = n + 1, top + 1
            bounds[2 * n] = at
    return n


@kernel
def unsound(keys, key_starts, key_ends, values, value_starts, value_ends):
    """The number of the first record that is none of these; -1: all are. Nobody's name is empty, nor longer than LONGEST."""
    for i in range(len(key_ends)):
        start, end = value_starts[i], value_ends[i]
        if not 1 <= key_ends[i] - key_starts[i] <= 1 + LONGEST or not valid(keys, key_starts[i], key_ends[i]):
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
        elif keys[key_starts[i]] == LISTED_KEY:
            if start == end or not sound_tops(values, start, end):
                return i
        else:
            return i
    return -1
