"""What an actor remembers of its latest actions, as bytes in a chunk: it serves repeats, novelty, undo, and whom it engages with.

One byte a kind counts its entries (in a table they are left out: who walks through the entries counts them), then come the entries,
oldest first:

    | 6 counts | entry | entry | ...
               | weight | ts | id | kind | target | length | name of the target | keys |
                 4 f32    8    8    1      8        2 u16    length               4 u32 each, little-endian

`id` and `target` are hashes (of kind and event id; of the target). Of the length, the bits from KEYS_BIT on say how many keys
there are; OF_OBJECT, that the first is that of an object, not of a topic: see `streams.fold.tops`. An undone entry keeps its id and
loses weight, target and keys.
At most PER_KIND entries a kind are kept, so what is forgotten depends on the order within one topic only, never on how topics
were interleaved.
"""

from __future__ import annotations

import numpy as np

from streams.fold.chunks import MOST, begin_of, cut, fit, size_of
from streams.fold.compiled import kernel
from streams.fold.rows import ENTRY, HEAD, MOST_KEYS, PER_KIND
from streams.fold.words import ahead, load_u16, move, store_f32, store_u16, store_u32, store_u64

TS, ID, KIND, TARGET, LENGTH = 4, 12, 20, 21, 29
#: in the length: where the number of keys begins, what of it that is; the bits of the name's; the flag
KEYS_BIT, KEYS, NAME, OF_OBJECT = 12, 7, (1 << 12) - 1, 1 << 15
LONGEST = 256  #: bytes of a target's name: undone, it is sent through a buffer that has room for no more


@kernel
def name_length(arena, at):
    """Bytes of the name in the entry at `at`."""
    return np.int64(load_u16(arena, at + LENGTH)) & NAME


@kernel
def keys_of(arena, at):
    """How many keys the entry at `at` has."""
    return (np.int64(load_u16(arena, at + LENGTH)) >> KEYS_BIT) & KEYS


@kernel
def length(arena, at):
    """Bytes of the entry at `at`."""
    both = np.int64(load_u16(arena, at + LENGTH))
    return ENTRY + (both & NAME) + 4 * ((both >> KEYS_BIT) & KEYS)


@kernel
def remember(m, slot, kind, oldest, known, weight, ts, id_key, target_key, name, name_at, n, keys, many):
    """One more entry; there are `known` of its kind: are these PER_KIND, `oldest`, the place of the oldest, is forgotten.

    `keys` (MOST_KEYS,) are the object's, 0: none, and those of topics; all in all `many` places of it are in use.
    """
    if known >= PER_KIND:
        cut(m, slot, oldest, length(m.arena, oldest))
    first = 0 if many and keys[0] else 1
    flags = max(many - first, 0) << KEYS_BIT | (OF_OBJECT if not first else 0)
    size = size_of(m, slot)
    at = fit(m, slot, size + ENTRY + n + 4 * max(many - first, 0)) + size
    store_f32(m.arena, at, weight)
    store_u64(m.arena, at + TS, np.uint64(ts))
    store_u64(m.arena, at + ID, id_key)
    m.arena[at + KIND] = kind
    store_u64(m.arena, at + TARGET, target_key)
    store_u16(m.arena, at + LENGTH, n | flags)
    move(m.arena, at + ENTRY, name, name_at, n)
    at += ENTRY + n
    for i in range(first, many):
        store_u32(m.arena, at, np.uint32(keys[i]))
        at += 4
    m.size[slot] = at - begin_of(m, slot)


@kernel
def take_back(m, slot, at):
    """Empty the entry at `at`: its id is still known, its weight, target and keys are gone."""
    n = length(m.arena, at) - ENTRY
    store_f32(m.arena, at, 0.0)
    store_u64(m.arena, at + TARGET, np.uint64(0))
    store_u16(m.arena, at + LENGTH, 0)
    cut(m, slot, at + ENTRY, n)


@kernel
def copied(m, slots, ends, out):
    """What `slots` remember, counts included, one behind another in `out`; number i ends at ends[i]."""
    end = np.int64(0)
    for i in range(len(slots)):
        if i + 8 < len(slots):
            later = begin_of(m, slots[i + 8])
            for line in range(0, 256, 64):
                ahead(m.arena, later + line)
        start, n = begin_of(m, slots[i]), size_of(m, slots[i])
        if n:
            for kind in range(HEAD):
                out[end + kind] = 0
            at = start
            while at < start + n:
                out[end + np.int64(m.arena[at + KIND])] += 1
                at += length(m.arena, at)
            move(out, end + HEAD, m.arena, start, n)
            end += HEAD + n
        ends[i] = end


@kernel
def sound(text, start, end):
    """Is this a memory: counts and whole entries that agree, no more than a memory may have, no longer names?"""
    if start == end:
        return True
    at, counts = start + HEAD, np.zeros(HEAD, np.int64)
    if end - start > MOST or at > end:
        return False
    while at < end:
        if (
            at + ENTRY > end
            or text[at + KIND] >= HEAD
            or name_length(text, at) > LONGEST
            or keys_of(text, at) > MOST_KEYS
        ):
            return False
        if load_u16(text, at + LENGTH) & OF_OBJECT and not keys_of(text, at):
            return False
        counts[text[at + KIND]] += 1
        at += length(text, at)
    if at != end:
        return False
    for kind in range(HEAD):
        if counts[kind] != text[start + kind] or counts[kind] > PER_KIND:
            return False
    return True
