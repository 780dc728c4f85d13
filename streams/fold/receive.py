"""Stage 2, keyed by target: engagements into the rows of those engaged with. Sums commute: order does not matter.

0.48 us an engagement, most of it the row, which is asked for ahead by a guess at who it is.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.hashing import name_key
from streams.fold.names import add, bucket_of, find, guess, tag_of
from streams.fold.rows import (
    ACTORS,
    ENGAGEMENTS,
    FIRST,
    FOLLOW,
    FOLLOWERS,
    GOT,
    GOT_TS,
    KIND_BITS,
    SUMS,
    UNDO,
    UNSEEN,
)
from streams.fold.score import ahead_of_row, growth
from streams.fold.words import ahead, load_f32, load_i64, load_u16


@kernel
def receive(cells, dirty, names, a, found, starts, lengths, landmarks, half_lives, slots):
    """Fold the pack `found` (see `packs.places`) in `a`; whose targets are goes to `slots` (total,). There is room for all."""
    tags, slot_of = np.empty(found.names, np.uint64), np.full(found.names, -1)
    for i in range(found.total):
        slot_of[load_u16(a, found.targets + 2 * i)] = 0  # others only did something: they are at home elsewhere
    for k in range(found.names):
        if slot_of[k] == 0:
            tags[k] = tag_of(name_key(a, np.int64(starts[k]), np.int64(lengths[k]), names.seed))
            ahead(names.buckets, bucket_of(names, tags[k]))
    for k in range(found.names):
        if k + 6 < found.names and slot_of[k + 6] == 0:
            ahead(names.starts, max(guess(names, tags[k + 6]), 0))
        if slot_of[k] == 0:
            at, n = np.int64(starts[k]), np.int64(lengths[k])
            slot, bucket = find(names, tags[k], a, at, n)
            slot_of[k] = slot if slot >= 0 else add(names, tags[k], bucket, a, at, n)
    for i in range(found.total):
        if i + 6 < found.total:
            later = slot_of[load_u16(a, found.targets + 2 * (i + 6))]
            ahead(dirty, later)
            ahead_of_row(cells, later)
        slot = slots[i] = slot_of[load_u16(a, found.targets + 2 * i)]
        weight, ts = np.float64(load_f32(a, found.weights + 4 * i)), load_i64(a, found.times + 8 * i)
        code = np.int64(a[found.codes + i])
        sign, column = -1.0 if code & UNDO else 1.0, SUMS + 3 * (code & KIND_BITS)
        row = cells[slot]
        for window in range(3):
            row[column + window] += weight * growth(ts, landmarks[window], half_lives[window])
        row[ENGAGEMENTS] += sign
        if code & FIRST:
            row[ACTORS] += sign
        if code & FOLLOW:
            row[FOLLOWERS] += sign
        row[GOT_TS] = max(row[GOT_TS], np.float64(ts))
        dirty[slot] |= GOT | UNSEEN
