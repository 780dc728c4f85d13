"""Sketches of people put together, and put in place: see `streams.fold.people`. 0.3 us a sketch with registers."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.people import (
    MOST_CHUNK,
    REGISTERED,
    REGISTERS,
    SORTS,
    UNIT,
    add,
    clear,
    is_full,
    people_of,
    put,
    sound,
    to_registers,
)
from streams.fold.words import load_u64

_MOST_CHUNKS = 2 * MOST_CHUNK  # bytes: one of each sort, while one grows from nobody to registers


@kernel
def _unite_one(p, slot, q, number):
    """Add those whom `number` of `q` knows to those whom a slot of `p` knows. There is room."""
    count, start = np.int64(q.known[number]), np.int64(q.at[number]) * UNIT
    if count != REGISTERED:
        for i in range(count):
            add(p, slot, load_u64(q.arena, start + 8 * i))
        return
    if p.known[slot] != REGISTERED:
        to_registers(p, slot)
    at = np.int64(p.at[slot]) * UNIT
    for i in range(REGISTERS):
        p.arena[at + i] = max(p.arena[at + i], q.arena[start + i])


@kernel
def unite(p, slots, q, numbers, bounds, first):
    """Slot i of `slots` knows whom `numbers` of `q` from bounds[i] to bounds[i + 1] know, nobody else; from number `first` on.

    Returns how far it came before the arena of `p` was full.
    """
    for i in range(first, len(slots)):
        if p.lists[SORTS] * UNIT + _MOST_CHUNKS > len(p.arena):
            return i
        clear(p, slots[i])
        for k in range(bounds[i], bounds[i + 1]):
            _unite_one(p, slots[i], q, numbers[k])
    return len(slots)


@kernel
def counted(p, slots, out):
    """How many people ever engaged with each of these, (n,)."""
    for i in range(len(slots)):
        out[i] = people_of(p, slots[i])


@kernel
def unsound(text, ends):
    """The number of the first sketch in `text` that is neither sound nor a byte of 0 for nobody; -1: all are."""
    start = np.int64(0)
    for i in range(len(ends)):
        if not (ends[i] == start + 1 and text[start] == 0) and not sound(text, start, ends[i]):
            return i
        start = ends[i]
    return -1


@kernel
def put_all(p, slots, text, ends, first):
    """The sketches in `text`, sound or a byte of 0 for nobody, are those of these slots, from number `first` on.

    Returns how far it came before the arena was full.
    """
    start = ends[first - 1] if first else np.int64(0)
    for i in range(first, len(slots)):
        if is_full(p):
            return i
        if text[start]:
            put(p, slots[i], text, start)
        else:
            clear(p, slots[i])
        start = ends[i]
    return len(slots)
