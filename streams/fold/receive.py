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
from streams.fold.words import ahead, load_f32, load_i64


@kernel
def receive(cells, dirty, names, a, found, starts, lengths, landmarks, half_lives, slots):
    """Fold the pack `found` (see `packs.places`) in `a`; whose targets are goes to `slots` (count,). There is room for all."""
    tags = np.empty(found.total, np.uint64)
    for i in range(found.total):
        tags[i] = tag_of(name_key(a, np.int64(starts[i]), np.int64(lengths[i]), names.seed))
        ahead(names.buckets, bucket_of(names, tags[i]))
    for i in range(found.total):
        if i + 6 < found.total:
            later = max(guess(names, tags[i + 6]), 0)
            ahead(names.starts, later)
            ahead(dirty, later)
            ahead_of_row(cells, later)
        at, n = np.int64(starts[i]), np.int64(lengths[i])
        slot, bucket = find(names, tags[i], a, at, n)
        if slot < 0:
            slot = add(names, tags[i], bucket, a, at, n)
        slots[i] = slot
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
