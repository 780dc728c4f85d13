"""Bytes by slot, of any length: each slot's in a chunk of one array.

A chunk that is given back is the first of the list of its size. Who has nothing has no chunk. What grows moves to a larger chunk;
how its bytes are laid out those know who keep it there: `streams.fold.memories`, `streams.fold.tops`. Beside its chunk a slot costs
7 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.words import ahead, load_i64, move, store_u64

UNIT = 8  #: bytes; 0 is no chunk, and 2^32 of them, 32 GB, are the most
#: narrow where quiet users are, whose entries have 30 to 50 bytes, then about 1.25 to 1.5 apart; the last holds a memory of six
#: times 16 entries with the longest names and all keys
SIZES = np.array(
    [
        *(
            *range(32, 128, 8),
            *range(128, 256, 16),
            *range(256, 512, 32),
            512,
            576,
            672,
            768,
            896,
            1024,
            1184,
            1344,
            1568,
        ),
        *(1792, 2048, 2304, 2688, 3072, 4096, 6144, 9216, 14336, 20480, 30720),
    ],
    np.int64,
)
MOST = int(SIZES[-1])
TOP = len(SIZES)  #: in `lists`, behind the heads of the lists: where the array's unused rest begins
FIRST_CHUNK = 64  # 0 is no chunk


class Chunks(NamedTuple):
    """The arrays, as kernels read them."""

    arena: NDArray[np.uint8]
    at: NDArray[np.uint32]  #: (users,) where the chunk of each begins, in UNITs; 0: none
    size: NDArray[np.uint16]  #: (users,) bytes of it in use
    sort: NDArray[np.uint8]  #: (users,) which of SIZES it is
    lists: NDArray[np.int64]  #: (TOP + 1,) first free chunk of each size, and TOP, in bytes


@part
def begin_of(m, slot):
    """Where the chunk of a slot begins; 0: it has none."""
    return np.int64(m.at[slot]) * UNIT


@part
def size_of(m, slot):
    """Bytes of it in use."""
    return np.int64(m.size[slot])


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
    at, sort = begin_of(m, slot), np.int64(m.sort[slot])
    if at and size <= SIZES[sort]:
        return at
    wanted = sort if at else 0
    while SIZES[wanted] < size:
        wanted += 1
    to = _chunk(m, wanted)
    if at:
        move(m.arena, to, m.arena, at, size_of(m, slot))
        _give_back(m, at, sort)
    m.at[slot], m.sort[slot] = to // UNIT, wanted
    return to


@kernel
def cut(m, slot, at, count):
    """Take `count` bytes at `at` out of what a slot has."""
    size = size_of(m, slot)
    move(m.arena, at, m.arena, at + count, begin_of(m, slot) + size - at - count)
    m.size[slot] = size - count


@kernel
def copied(m, slots, ends, out):
    """What `slots` have, one behind another in `out`; number i ends at ends[i]."""
    end = np.int64(0)
    for i in range(len(slots)):
        if i + 8 < len(slots):
            later = begin_of(m, slots[i + 8])
            for line in range(0, 256, 64):
                ahead(m.arena, later + line)
        slot = slots[i]
        if m.at[slot]:
            move(out, end, m.arena, begin_of(m, slot), size_of(m, slot))
            end += size_of(m, slot)
        ends[i] = end


@kernel
def put_one(m, slot, text, at, n):
    """These `n` bytes are what a slot has now; 0: nothing. The arena is not full."""
    if m.at[slot]:
        _give_back(m, begin_of(m, slot), np.int64(m.sort[slot]))
        m.at[slot] = 0
    m.size[slot] = 0
    if n:
        move(m.arena, fit(m, slot, n), text, at, n)
        m.size[slot] = n


@kernel
def put(m, slots, ends, text, head, first):
    """What slots have now, one behind another, from number `first` on; of each the first `head` bytes are not kept.

    Returns how far it came before the arena was full.
    """
    start = ends[first - 1] if first else 0
    for i in range(first, len(slots)):
        if is_full(m):
            return i
        put_one(m, slots[i], text, start + head, ends[i] - start - head if ends[i] > start else 0)
        start = ends[i]
    return len(slots)
