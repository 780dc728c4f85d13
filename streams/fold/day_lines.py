"""The lines of `streams.fold.days`: open while somebody needs them, else packed, some 80 bytes of a quiet user instead of 929.

An open line is a place in the arrays of `Days`. A packed one is a chunk of the arena of bytes, a few times 8:

    day u32     a bit for each column of SINCE that is not 0, and above them KEPT and SHOWN, two bits each, u32
    a bit for each day of the ledger that has something u8     closes u8, up to that of `day`
    those columns f64     of each of those days a bit for each entry that is not 0 u16, and these f32     the closes f32

Kernels open lines, and take free ones. They never pack: a line stays where it is until `streams.model.days` is asked for room.
0.4 us to open a line of a quiet user, 0.4 us to pack it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.rows import DAYS, LEDGER_DAYS
from streams.fold.since import ENTRIES, SINCE
from streams.fold.words import (
    load_f32,
    load_f64,
    load_u16,
    load_u32,
    load_u64,
    move,
    store_f32,
    store_f64,
    store_u16,
    store_u32,
    store_u64,
)

OTHERS = -1  #: in place of a day: other closes than these

#: what a line is: nobody's; open because somebody reads it; open, and not touched since the hand came by, or touched
FREE, LENT, IDLE, TOUCHED = range(4)
FIRST_FREE, FREE_LINES = 0, 1  #: places in `free`

UNIT = 8  #: bytes; 0 is no chunk
_HEAD = 10
_OF_LEDGER, _CLOSES = 8, 9  # places in the head
_KEPT, _SHOWN = SINCE, SINCE + 2  # bits: nothing, of this day, others
_UNITS = (_HEAD + 8 * SINCE + LEDGER_DAYS * (2 + 4 * ENTRIES) + 4 * DAYS + UNIT - 1) // UNIT
MOST_CHUNK = _UNITS * UNIT  #: bytes
SORTS = _UNITS + 1  #: of chunks, by their UNITs; none has 0
REST = 0  #: in place of a sort: where the unused rest begins

_U = np.uint64


class Days(NamedTuple):
    """The arrays, as kernels read them."""

    line: NDArray[np.int32]  #: (users,) the open line of each; less than 0: where its chunk begins, in UNITs; 0: none
    day: NDArray[np.int64]  #: (lines,) the last close that was taken is that at the beginning of this day
    first: NDArray[np.int64]  #: (lines,) and the first one
    closes: NDArray[np.float32]  #: (lines, DAYS) mass, by day modulo DAYS
    since: NDArray[np.float64]  #: (lines, SINCE), see `streams.fold.since`
    #: (lines, LEDGER_DAYS, ENTRIES) what each closed day gave, by the day it ended with, modulo
    ledger: NDArray[np.float32]
    kept: NDArray[np.int64]  #: (lines,) of which day `state` has the closes; 0: not these
    shown: NDArray[np.int64]  #: (lines,) the same of Redis; OTHERS: it has some, not these
    owner: NDArray[np.int32]  #: (lines,) whose it is; of one that is FREE the next such
    state: NDArray[np.uint8]  #: (lines,) FREE, LENT, IDLE, TOUCHED; that of line 0, which is nobody's, means nothing
    free: NDArray[np.int64]  #: (2,) the first line that is FREE, and how many are
    arena: NDArray[np.uint8]  #: the packed lines
    lists: NDArray[np.int64]  #: (SORTS,) first free chunk of each sort, and REST, in UNITs


@kernel
def _taken(d, slot):
    """A line that was free, of which nothing is known; there is one."""
    line = d.free[FIRST_FREE]
    d.free[FIRST_FREE] = d.owner[line]
    d.free[FREE_LINES] -= 1
    d.line[slot], d.owner[line], d.state[line] = line, slot, LENT
    return line


@kernel
def new_line(d, slot, day):
    """A line for somebody who has none and had no close up to the beginning of this day. There is room."""
    line = _taken(d, slot)
    for column in range(SINCE):
        d.since[line, column] = 0.0
    for of in range(LEDGER_DAYS):
        for entry in range(ENTRIES):
            d.ledger[line, of, entry] = 0.0
    d.kept[line] = d.shown[line] = 0
    d.day[line], d.first[line] = day, day + 1
    return line


@part
def _day_of(bits, day):
    """The day that two bits stand for."""
    return OTHERS if bits == 2 else day * bits


@part
def _bits_of(known, day):
    """And the other way round."""
    return np.int64(0 if known == 0 else 1 if known == day else 2)


@kernel
def opened(d, slot):
    """The line of somebody whose line is packed, open. There is room."""
    a, chunk, line = d.arena, -np.int64(d.line[slot]), _taken(d, slot)
    at = chunk * UNIT
    day, bits = np.int64(load_u32(a, at)), np.int64(load_u32(a, at + 4))
    days, first, end = np.int64(a[at + _OF_LEDGER]), day - np.int64(a[at + _CLOSES]) + 1, at + _HEAD
    d.day[line], d.first[line] = day, first
    d.kept[line], d.shown[line] = _day_of(bits >> _KEPT & 3, day), _day_of(bits >> _SHOWN & 3, day)
    for column in range(SINCE):
        d.since[line, column] = 0.0
        if bits >> column & 1:
            d.since[line, column] = load_f64(a, end)
            end += 8
    for of in range(LEDGER_DAYS):
        entries = np.int64(0)
        if days >> of & 1:
            entries = np.int64(load_u16(a, end))
            end += 2
        for entry in range(ENTRIES):
            d.ledger[line, of, entry] = 0.0
            if entries >> entry & 1:
                d.ledger[line, of, entry] = load_f32(a, end)
                end += 4
    for close in range(first, day + 1):
        d.closes[line, close % DAYS] = load_f32(a, end)
        end += 4
    sort = (end - at + UNIT - 1) // UNIT
    store_u64(a, at, _U(d.lists[sort]))
    d.lists[sort] = chunk
    return line


@kernel
def begin(d, slot):
    """The line of somebody who has no open one: packed till now, or new and of no day. There is room."""
    return opened(d, slot) if d.line[slot] < 0 else new_line(d, slot, 0)


@kernel
def begin_all(d, slots):
    """These, (n,), have open lines, new ones of no day if need be. There is room for as many."""
    for i in range(len(slots)):
        if d.line[slots[i]] <= 0:
            begin(d, slots[i])


@kernel
def _written(d, line, at):
    """Pack a line at a place of the arena; returns where it ends."""
    a, day, bits, days, end = d.arena, d.day[line], np.int64(0), np.int64(0), at + _HEAD
    words = d.since[line].view(np.uint64)  # 0.0 alone has no bits
    for column in range(SINCE):
        if words[column]:
            bits |= 1 << column
            store_u64(a, end, words[column])
            end += 8
    for of in range(LEDGER_DAYS):
        entries, head, booked = np.int64(0), end, d.ledger[line, of].view(np.uint32)
        for entry in range(ENTRIES):
            if booked[entry]:
                entries |= 1 << entry
                store_u32(a, end + 2, booked[entry])
                end += 4
        if entries:
            days |= 1 << of
            store_u16(a, head, entries)
            end += 2
    first = max(d.first[line], day - DAYS + 1)
    for close in range(first, day + 1):
        store_f32(a, end, d.closes[line, close % DAYS])
        end += 4
    bits |= _bits_of(d.kept[line], day) << _KEPT | _bits_of(d.shown[line], day) << _SHOWN
    store_u32(a, at, day)
    store_u32(a, at + 4, bits)
    a[at + _OF_LEDGER], a[at + _CLOSES] = days, day - first + 1
    return end


@kernel
def pack(d, lines, first):
    """Pack these open lines, (n,), from number `first` on; returns how far it came before the arena was full."""
    for i in range(first, len(lines)):
        line, chunk = lines[i], d.lists[REST]
        at = chunk * UNIT
        if at + MOST_CHUNK > len(d.arena):
            return i
        end = _written(d, line, at)
        sort = (end - at + UNIT - 1) // UNIT
        if d.lists[sort]:
            chunk = d.lists[sort]
            d.lists[sort] = np.int64(load_u64(d.arena, chunk * UNIT))
            move(d.arena, chunk * UNIT, d.arena, at, end - at)
        else:
            d.lists[REST] += sort
        d.line[d.owner[line]] = -chunk
        d.owner[line], d.state[line] = d.free[FIRST_FREE], FREE
        d.free[FIRST_FREE] = line
        d.free[FREE_LINES] += 1
    return len(lines)


@kernel
def shrink(d, columns, halvings):
    """Divide these columns of SINCE, a bit each, of all packed lines by 2^halvings."""
    for slot in range(len(d.line)):
        if d.line[slot] < 0:
            at = -np.int64(d.line[slot]) * UNIT
            bits, end = np.int64(load_u32(d.arena, at + 4)), at + _HEAD
            for column in range(SINCE):
                if bits >> column & 1:
                    if columns >> column & 1:
                        store_f64(d.arena, end, np.ldexp(load_f64(d.arena, end), -halvings))
                    end += 8


@kernel
def show(d, slots):
    """Redis has of these, (n,), the closes that `state` has, and none of anybody else; returns of how many."""
    for line in range(len(d.shown)):
        d.shown[line] = 0
    for slot in range(len(d.line)):
        if d.line[slot] < 0:
            at = 4 - np.int64(d.line[slot]) * UNIT
            store_u32(d.arena, at, np.int64(load_u32(d.arena, at)) & ~(3 << _SHOWN))
    count = 0
    for i in range(len(slots)):
        line = np.int64(d.line[slots[i]])
        if line > 0:
            d.shown[line] = d.kept[line]
            count += d.kept[line] != 0
        elif line < 0:
            at = 4 - line * UNIT
            bits = np.int64(load_u32(d.arena, at))
            store_u32(d.arena, at, bits | (bits >> _KEPT & 3) << _SHOWN)
            count += bits >> _KEPT & 3 != 0
    return count
