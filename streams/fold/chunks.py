"""Bytes by slot, of any length: each slot's in a chunk of one array.

A chunk that is given back is the first of the list of its size. Who has nothing has no chunk. What grows moves to a larger chunk;
how its bytes are laid out those know who keep it there: `streams.fold.memories`, `streams.fold.tops`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel
from streams.fold.words import ahead, load_i64, move, store_u64

#: about 1.25 to 1.5 apart; the last holds a memory of six times 16 entries with the longest names and all keys
SIZES = np.array(
    [48, 88, 128, 192, 256, 320, 448, 576, 768, 1024, 1344, 1792, 2304, 3072, 4096, 6144, 9216, 14336, 20480, 30720],
    np.int64,
)
MOST = int(SIZES[-1])
TOP = len(SIZES)  #: in `lists`, behind the heads of the lists: where the array's unused rest begins
FIRST_CHUNK = 64  # 0 is no chunk


class Chunks(NamedTuple):
    """The arrays, as kernels read them."""

    arena: NDArray[np.uint8]
    at: NDArray[np.int64]  #: (users,) where the chunk of each begins; 0: none
    size: NDArray[np.int32]  #: (users,) bytes of it in use
    sort: NDArray[np.uint8]  #: (users,) which of SIZES it is
    lists: NDArray[np.int64]  #: (TOP + 1,)


@kernel
def is_full(m):
    """Might there be no room for one more chunk of any size?"""
    return m.lists[TOP] + MOST > len(m.arena)


@kernel
def _chunk(m, sort):
    at = m.lists[sort]
    if at:
        m.lists[sort] = load_i64(m.arena, at)
        return at
    at = m.lists[TOP]
    m.lists[TOP] = at + SIZES[sort]
    return at


@kernel
def _give_back(m, at, sort):
    store_u64(m.arena, at, np.uint64(m.lists[sort]))
    m.lists[sort] = at


@kernel
def fit(m, slot, size):
    """The chunk of a slot, for `size` bytes: moved when it is too small. The arena is not full."""
    at, sort = m.at[slot], np.int64(m.sort[slot])
    if at and size <= SIZES[sort]:
        return at
    wanted = sort if at else 0
    while SIZES[wanted] < size:
        wanted += 1
    to = _chunk(m, wanted)
    if at:
        move(m.arena, to, m.arena, at, m.size[slot])
        _give_back(m, at, sort)
    m.at[slot], m.sort[slot] = to, wanted
    return to


@kernel
def cut(m, slot, at, count):
    """Take `count` bytes at `at` out of what a slot has."""
    end = m.at[slot] + m.size[slot]
    move(m.arena, at, m.arena, at + count, end - at - count)
    m.size[slot] -= count


@kernel
def copied(m, slots, ends, out):
    """What `slots` have, one behind another in `out`; number i ends at ends[i]."""
    end = 0
    for i in range(len(slots)):
        if i + 8 < len(slots):
            later = m.at[slots[i + 8]]
            for line in range(0, 256, 64):
                ahead(m.arena, later + line)
        slot = slots[i]
        if m.at[slot]:
            move(out, end, m.arena, m.at[slot], m.size[slot])
            end += m.size[slot]
        ends[i] = end


@kernel
def put_one(m, slot, text, at, n):
    """These `n` bytes are what a slot has now; 0: nothing. The arena is not full."""
    if m.at[slot]:
        _give_back(m, m.at[slot], m.sort[slot])
        m.at[slot] = 0
    m.size[slot] = 0
    if n:
        move(m.arena, fit(m, slot, n), text, at, n)
        m.size[slot] = n


@kernel
def put(m, slots, ends, text, first):
    """What slots have now, one behind another, from number `first` on; returns how far it came before the arena was full."""
    start = ends[first - 1] if first else 0
    for i in range(first, len(slots)):
        if is_full(m):
            return i
        put_one(m, slots[i], text, start, ends[i] - start)
        start = ends[i]
    return len(slots)
