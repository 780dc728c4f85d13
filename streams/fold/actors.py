"""Who did it: the slots of the actors of a block. Whoever has a row is at home here; only newcomers can be astray.

0.35 us an event: hashes first, then buckets, starts and names some events ahead.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.event import ASTRAY, NOBODY
from streams.fold.hashing import name_key, partition_of
from streams.fold.names import add, bucket_of, find, guess, start_of, tag_of
from streams.fold.rows import LONGEST
from streams.fold.words import ahead, move

_U = np.uint64
_COLON = np.uint8(58)


@kernel
def _name(text, e, out):
    """network:actor; its length."""
    n = np.int64(e.network_len)
    move(out, 0, text, e.network_at, n)
    out[n] = _COLON
    move(out, n + 1, text, e.actor_at, e.actor_len)
    return n + 1 + np.int64(e.actor_len)


@kernel
def find_actors(names, text, lines, first, last, partitions, number):
    """Fill in `slot` of lines[first:last], newcomers added whose home is partition `number`. There is room for all."""
    scratch, tags = np.empty(LONGEST + 8, np.uint8), np.empty(last - first, np.uint64)
    for i in range(first, last):
        tags[i - first] = tag_of(name_key(scratch, 0, _name(text, lines[i], scratch), names.seed))
        ahead(names.buckets, bucket_of(names, tags[i - first]))
    for i in range(first, last):
        if i + 8 < last:
            ahead(names.starts, guess(names, tags[i + 8 - first]))
        if i + 4 < last:
            ahead(names.text, start_of(names, max(guess(names, tags[i + 4 - first]), 0)))
        e = lines[i]
        if not e.network_len:
            e.slot = NOBODY
            continue
        n, tag = _name(text, e, scratch), tags[i - first]
        slot, bucket = find(names, tag, scratch, 0, n)
        if slot < 0 and partition_of(scratch, 0, n, partitions) == number:
            slot = add(names, tag, bucket, scratch, 0, n)
        e.slot = slot if slot >= 0 else ASTRAY
