"""Which network each name is of: what stands before its first colon. 10 ns a name of the network of the one before."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.hashing import name_key
from streams.fold.names import same, start_of

_COLON = 58


@part
def key_of_network(names, slot):
    """The hash of the network that a user is of."""
    start, end = start_of(names, slot), start_of(names, slot + 1)
    n = np.int64(0)
    while start + n < end and names.text[start + n] != _COLON:
        n += 1
    return name_key(names.text, start, n, np.uint64(0))


@kernel
def numbered(names, starts, ends, known, bounds, count, most, first, out):
    """The number of each one's network among the `count` that are known, from name `first` on; -1: it has no colon, or there are
    `most` and this is none of them.

    Returns at which name it ends: the first of a network that is to become known, or behind the last.
    """
    before = -1
    for i in range(first, len(ends)):
        at = starts[i]
        if before >= 0:  # the common case, without a look for the colon
            size = bounds[before + 1] - bounds[before]
            end = at + size
            if end < ends[i] and names[end] == _COLON and same(known, bounds[before], names, at, size):
                out[i] = before
                continue
        while at < ends[i] and names[at] != _COLON:
            at += 1
        if at == ends[i]:
            out[i] = -1
            continue
        size, number = at - starts[i], -1
        for k in range(count):
            if bounds[k + 1] - bounds[k] == size and same(known, bounds[k], names, starts[i], size):
                number = k
                break
        if number < 0 and count < most:
            return i
        out[i] = before = number
    return len(ends)
