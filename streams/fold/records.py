"""The records of a batch, Kafka's format v2 without compression, as columns of places in its bytes. 0.08 us a record.

    length | attributes | time | offset | key | value | headers        all but attributes are varints; key and value: length, bytes

Every length is checked against the end of the record before it is used: anybody may write to a topic.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel

_SMALLEST = 6  # bytes of a record behind its length


@kernel
def varint(a, at, end):
    """(a zigzag number, where it ends); one that is not over at `end` ends behind it."""
    value, shift = np.int64(0), np.int64(0)
    while at < end and shift < 63:
        byte = np.int64(a[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    return np.int64(0), end + 1


@kernel
def headers_end(a, at, stop, count):
    """Where so many headers end, each a name and bytes or none; behind `stop`: they are not as they should be."""
    for _ in range(count):
        n, at = varint(a, at, stop)
        if n < 0 or n > stop - at:
            return stop + 1
        n, at = varint(a, at + n, stop)
        if n > stop - at:
            return stop + 1
        at += max(n, 0)
    return at


@kernel
def records(a, at, end, base, offsets, begins, starts, ends):
    """The records in a[at:end], of a batch whose first offset is `base`: as many as `offsets` (n,) has room for.

    Filled, (n,): offsets, where the key's length is, where the value begins and ends (before it begins: there is none).
    Returns how many records are whole and as they should be.
    """
    for i in range(len(offsets)):
        length, at = varint(a, at, end)
        if length < _SMALLEST or length > end - at:
            return i
        stop = at + length
        _, at = varint(a, at + 1, stop)
        delta, at = varint(a, at, stop)
        begins[i] = at
        n, at = varint(a, at, stop)
        if at > stop or n > stop - at:
            return i
        n, at = varint(a, at + max(n, 0), stop)
        if at > stop or n > stop - at or n < -1:
            return i
        offsets[i], starts[i], ends[i] = base + delta, at, at + n
        n, at = varint(a, at + max(n, 0), stop)
        if at > stop or n < 0 or headers_end(a, at, stop, n) != stop:
            return i
        at = stop
    return len(offsets)
