"""What an actor remembers of its latest actions, as bytes in a chunk of one array: it serves repeats, novelty and undo.

One byte a kind counts its entries, then come the entries, oldest first:

    | 6 counts | entry | entry | ...
               | weight | ts | id | kind | target | length | name of the target |
                 4 f32    8    8    1      8        2 u16    length               bytes, little-endian

`id` and `target` are hashes (of kind and event id; of the target). An undone entry keeps its id and loses weight and target.
At most PER_KIND entries a kind are kept, so what is forgotten depends on the order within one topic only, never on how topics
were interleaved.

Chunks come in SIZES; one that is given back is the first of the list of its size. A memory that grows moves to a larger one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel
from streams.fold.rows import ENTRY, HEAD, PER_KIND
from streams.fold.words import ahead, load_i64, load_u16, move, store_f32, store_u16, store_u64

TS, ID, KIND, TARGET, LENGTH = 4, 12, 20, 21, 29
#: about 1.25 to 1.5 apart; the last holds six times 16 entries with the longest names
SIZES = np.array(
    [48, 88, 128, 192, 256, 320, 448, 576, 768, 1024, 1344, 1792, 2304, 3072, 4096, 6144, 9216, 14336, 20480, 28672],
    np.int64,
)
MOST = int(SIZES[-1])
LONGEST = 256  #: bytes of a target's name: undone, it is sent through a buffer that has room for no more
TOP = len(SIZES)  #: in `lists`, behind the heads of the lists: where the array's unused rest begins
FIRST_CHUNK = 64  # 0 is no chunk


class Memories(NamedTuple):
    """The arrays, as kernels read them."""

    arena: NDArray[np.uint8]
    at: NDArray[np.int64]  #: (users,) where the chunk of each begins; 0: none
    size: NDArray[np.int32]  #: (users,) bytes of it in use
    sort: NDArray[np.uint8]  #: (users,) which of SIZES it is
    lists: NDArray[np.int64]  #: (TOP + 1,)


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
    """The chunk of a slot, for `size` bytes: moved when it is too small, empty when it is new. MOST bytes are free in the arena."""
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
    else:
        store_u64(m.arena, to, np.uint64(0))  # the counts
        m.size[slot] = HEAD
    m.at[slot], m.sort[slot] = to, wanted
    return to


@kernel
def length(arena, at):
    """Bytes of the entry at `at`."""
    return ENTRY + np.int64(load_u16(arena, at + LENGTH))


@kernel
def cut(m, slot, at, count):
    """Take `count` bytes at `at` out of a memory."""
    end = m.at[slot] + m.size[slot]
    move(m.arena, at, m.arena, at + count, end - at - count)
    m.size[slot] -= count


@kernel
def remember(m, slot, kind, oldest, weight, ts, id_key, target_key, name, name_at, n):
    """One more entry; `oldest`, the place of the oldest of its kind, is forgotten when there are PER_KIND."""
    chunk = m.at[slot]
    if chunk and m.arena[chunk + kind] == PER_KIND:
        cut(m, slot, oldest, length(m.arena, oldest))
        m.arena[chunk + kind] -= 1
    chunk = fit(m, slot, (m.size[slot] if chunk else HEAD) + ENTRY + n)
    at = chunk + m.size[slot]
    m.arena[chunk + kind] += 1
    store_f32(m.arena, at, weight)
    store_u64(m.arena, at + TS, np.uint64(ts))
    store_u64(m.arena, at + ID, id_key)
    m.arena[at + KIND] = kind
    store_u64(m.arena, at + TARGET, target_key)
    store_u16(m.arena, at + LENGTH, n)
    move(m.arena, at + ENTRY, name, name_at, n)
    m.size[slot] += ENTRY + n


@kernel
def take_back(m, slot, at):
    """Empty the entry at `at`: its id is still known, its weight and target are gone."""
    n = length(m.arena, at) - ENTRY
    store_f32(m.arena, at, 0.0)
    store_u64(m.arena, at + TARGET, np.uint64(0))
    store_u16(m.arena, at + LENGTH, 0)
    cut(m, slot, at + ENTRY, n)


@kernel
def copied(m, slots, ends, out):
    """The memories of `slots` one behind another in `out`; memory i ends at ends[i]."""
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
    """These `n` bytes are the memory of a slot now; 0: it has none. MOST bytes are free in the arena."""
    if m.at[slot]:
        _give_back(m, m.at[slot], m.sort[slot])
        m.at[slot] = 0
    m.size[slot] = 0
    if n:
        move(m.arena, fit(m, slot, n), text, at, n)
        m.size[slot] = n


@kernel
def put(m, slots, ends, text, first):
    """Memories one behind another, from number `first` on; returns how far it came before the arena was full."""
    start = ends[first - 1] if first else 0
    for i in range(first, len(slots)):
        if m.lists[TOP] + MOST > len(m.arena):
            return i
        put_one(m, slots[i], text, start, ends[i] - start)
        start = ends[i]
    return len(slots)


@kernel
def sound(text, start, end):
    """Is this a memory: counts and whole entries that agree, no more than a memory may have, no longer names?"""
    if start == end:
        return True
    at, counts = start + HEAD, np.zeros(HEAD, np.int64)
    if end - start > MOST or at > end:
        return False
    while at < end:
        if at + ENTRY > end or text[at + KIND] >= HEAD or length(text, at) > ENTRY + LONGEST:
            return False
        counts[text[at + KIND]] += 1
        at += length(text, at)
    if at != end:
        return False
    for kind in range(HEAD):
        if counts[kind] != text[start + kind] or counts[kind] > PER_KIND:
            return False
    return True
