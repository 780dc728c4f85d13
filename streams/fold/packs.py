"""Engagements on their way home: collected as columns, sorted by partition, and read again from what came over the wire.

Wire format 1 is MessagePack: [1, sender's clock ms, [target, ...], weights f32, times i64 ms, codes u8], columns
little-endian. Texts are kept with their heads, so that pieces are joined as they are. 0.03 us an engagement to join, 0.09 to read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel
from streams.fold.hashing import partition_of
from streams.fold.letters import valid
from streams.fold.rows import KIND_BITS, KINDS, LONGEST
from streams.fold.words import load_f32, load_i64, load_u32, move, swapped

_U = np.uint64


class Emitted(NamedTuple):
    """Engagements as they come; target i ends at ends[i] in `names`."""

    names: NDArray[np.uint8]
    ends: NDArray[np.int64]
    weights: NDArray[np.float32]
    times: NDArray[np.int64]
    codes: NDArray[np.uint8]
    homes: NDArray[np.int32]
    so_far: NDArray[np.int64]  #: (1,) how many


@kernel
def emit(out, a, network_at, network_n, b, at, n, weight, ts, code, partitions):
    """One more: the target is network:name, parts of `a` and `b`."""
    i = out.so_far[0]
    start = out.ends[i - 1] if i else np.int64(0)
    move(out.names, start, a, network_at, network_n)
    out.names[start + network_n] = 58
    move(out.names, start + network_n + 1, b, at, n)
    end = start + network_n + 1 + n
    out.ends[i], out.weights[i], out.times[i], out.codes[i] = end, weight, ts, code
    out.homes[i] = partition_of(out.names, start, end - start, partitions)
    out.so_far[0] = i + 1


@kernel
def text_head(out, at, n):
    """MessagePack's head of a text of `n` bytes; returns where the text goes."""
    if n < 32:
        out[at] = 0xA0 | n
        return at + 1
    if n < 256:
        out[at], out[at + 1] = 0xD9, n
        return at + 2
    out[at], out[at + 1], out[at + 2] = 0xDA, n >> 8, n & 255
    return at + 3


@kernel
def by_home(given, partitions, lines, bytes_, names, weights, times, codes):
    """The columns of `given` in the order of partitions: p has lines[p]:lines[p+1], and bytes_[p]:bytes_[p+1] of `names`."""
    start = np.int64(0)
    for p in range(partitions + 1):
        lines[p] = bytes_[p] = 0
    for i in range(given.so_far[0]):
        n, home = given.ends[i] - start, given.homes[i]
        lines[home + 1] += 1
        bytes_[home + 1] += n + (1 if n < 32 else 2 if n < 256 else 3)
        start = given.ends[i]
    for p in range(partitions):
        lines[p + 1] += lines[p]
        bytes_[p + 1] += bytes_[p]
    line_of, place_of, start = np.empty(partitions, np.int64), np.empty(partitions, np.int64), np.int64(0)
    for p in range(partitions):
        line_of[p], place_of[p] = lines[p], bytes_[p]
    for i in range(given.so_far[0]):
        home, end = given.homes[i], given.ends[i]
        line, at = line_of[home], text_head(names, place_of[home], end - start)
        move(names, at, given.names, start, end - start)
        line_of[home], place_of[home] = line + 1, at + end - start
        weights[line], times[line], codes[line] = given.weights[i], given.times[i], given.codes[i]
        start = end


@kernel
def _number(a, at):
    """(value, where it ends) of a MessagePack number that is not negative and below 2^63; -1: it is something else."""
    b = a[at]
    if b < 0x80:
        return np.int64(b), at + 1
    if 0xCC <= b <= 0xCF:
        n, value = 1 << (b - 0xCC), np.int64(0)
        for i in range(n):
            value = (value << 8) | np.int64(a[at + 1 + i])
        return value, at + 1 + n
    return np.int64(-1), at


@kernel
def _big(a, at):
    """Four bytes, the highest first."""
    return np.int64(swapped(_U(load_u32(a, at))) >> _U(32))


@kernel
def _column(a, at, wanted):
    """Where the bytes begin whose head is at `at`, if they are `wanted` many; -1: they are not."""
    if a[at] == 0xC4:
        n, start = np.int64(a[at + 1]), at + 2
    elif a[at] == 0xC5:
        n, start = (np.int64(a[at + 1]) << 8) | np.int64(a[at + 2]), at + 3
    elif a[at] == 0xC6:
        n, start = _big(a, at + 1), at + 5
    else:
        return np.int64(-1)
    return start if n == wanted else np.int64(-1)


class Places(NamedTuple):
    """Where everything of a pack is in its bytes; `total` -1: it is no pack."""

    total: int
    clock: int  #: ms
    weights: int
    times: int
    codes: int


@kernel
def _head(a, size):
    """(how many, the clock, where the first target is); -1: it is no pack."""
    if size < 8 or a[0] != 0x96 or a[1] != 1:
        return np.int64(-1), np.int64(0), 0
    clock, at = _number(a, 2)
    if clock < 0 or at + 5 > size:
        return np.int64(-1), np.int64(0), 0
    if a[at] & 0xF0 == 0x90:
        return np.int64(a[at] & 15), clock, at + 1
    if a[at] == 0xDC:
        return (np.int64(a[at + 1]) << 8) | np.int64(a[at + 2]), clock, at + 3
    if a[at] == 0xDD:
        return _big(a, at + 1), clock, at + 5
    return np.int64(-1), np.int64(0), 0


@kernel
def count_of(a, size):
    """How many engagements a pack says it has: at most one a byte; -1: it is no pack."""
    count, _, at = _head(a, size)
    return count if count <= size - at else np.int64(-1)


@kernel
def places(a, size, starts, lengths):
    """Read a pack of `size` bytes; the places of its targets go to `starts` and `lengths` (count,)."""
    bad = Places(np.int64(-1), np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    count, clock, at = _head(a, size)
    if count < 0 or count > len(starts):
        return bad
    at = np.int64(at)
    for i in range(count):
        if at >= size:
            return bad
        b = np.int64(a[at])
        if b & 0xE0 == 0xA0:
            n, at = b & 31, at + 1
        elif b == 0xD9:
            n, at = np.int64(a[at + 1]), at + 2
        elif b == 0xDA:
            n, at = (np.int64(a[at + 1]) << 8) | np.int64(a[at + 2]), at + 3
        else:
            return bad
        if n > LONGEST or at + n > size or not valid(a, at, at + n):
            return bad
        starts[i], lengths[i] = at, n
        at += n
    weights = _column(a, at, 4 * count) if at < size else np.int64(-1)
    at = weights + 4 * count
    times = _column(a, at, 8 * count) if weights >= 0 and at < size else np.int64(-1)
    at = times + 8 * count
    codes = _column(a, at, count) if times >= 0 and at < size else np.int64(-1)
    if codes < 0 or codes + count != size:
        return bad
    return Places(count, clock, weights, times, codes)


@kernel
def sound(a, found, newest_ms):
    """(0: all of it is in range, 1: a weight is no number or a kind unknown, 2: a time is out of range; the newest time)."""
    newest = np.int64(0)
    for i in range(found.total):
        if not np.isfinite(load_f32(a, found.weights + 4 * i)) or a[found.codes + i] & KIND_BITS >= KINDS:
            return 1, newest
        ts = load_i64(a, found.times + 8 * i)
        if not 0 <= ts <= newest_ms:
            return 2, newest
        newest = max(newest, ts)
    return 0, newest
