"""Engagements on their way home: collected as columns, sorted by partition, and written as packs (see `packs` for the format).

0.03 us an engagement to sort, 0.55 to write: each of its two names is looked for among those that are in the pack.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.hashing import name_key, partition_of
from streams.fold.lists import text
from streams.fold.names import same, start_of
from streams.fold.packs import ALWAYS, FORMAT, NOTHING, SECTION_HEADS, SECTION_SIZES, SECTIONS
from streams.fold.words import ahead, move, store_f32, store_u16, store_u32, store_u64, swapped

MOST = 4_000  #: engagements in a record, so that two bytes count its names
MOST_BYTES = 800_000  #: of a record, so that it stays far below the broker's 1 MB
_NAMES = 16  # bytes before the first name: list, format, clock, list
_COLUMNS = int(SECTION_SIZES.sum())  # bytes of an engagement without its names
_ENDS = 128  # bytes of the heads of all sections, and to spare
MOST_COLUMNS = _COLUMNS + 9 + _ENDS  #: bytes of an engagement at most, and of a pack, without names
_U = np.uint64


class Emitted(NamedTuple):
    """Engagements as they come; target i and what it is about end at ends[i] in `names`."""

    names: NDArray[np.uint8]
    ends: NDArray[np.int64]
    abouts: NDArray[np.int32]  #: how many of these bytes are what it is about, see `streams.fold.about`
    pairs: NDArray[np.float32]  #: what earlier engagements of the same pair weigh at its time
    actors: NDArray[np.int32]  #: slots
    weights: NDArray[np.float32]
    times: NDArray[np.int64]
    done: NDArray[np.int64]  #: when; of an undo, whose time is that of what it undoes, its own
    codes: NDArray[np.uint8]
    homes: NDArray[np.int32]
    so_far: NDArray[np.int64]  #: (1,) how many


@kernel
def emit(out, a, network_at, network_n, b, at, n, actor, weight, ts, done, code, partitions):
    """One more: the target is network:name, parts of `a` and `b`; `actor` is a slot."""
    i = out.so_far[0]
    start = out.ends[i - 1] if i else np.int64(0)
    move(out.names, start, a, network_at, network_n)
    out.names[start + network_n] = 58
    move(out.names, start + network_n + 1, b, at, n)
    end = start + network_n + 1 + n
    out.ends[i], out.actors[i], out.weights[i], out.times[i], out.codes[i] = end, actor, weight, ts, code
    out.done[i], out.abouts[i], out.pairs[i] = done, 0, 0.0
    out.homes[i] = partition_of(out.names, start, end - start, partitions)
    out.so_far[0] = i + 1


@kernel
def by_home(given, partitions, lines, bytes_, names, ends, actors, weights, times, done, codes, abouts, pairs):
    """The columns of `given` in the order of partitions: p has lines[p]:lines[p+1], and bytes_[p]:bytes_[p+1] of `names`.

    `ends` count from the beginning of a partition's names.
    """
    start = np.int64(0)
    for p in range(partitions + 1):
        lines[p] = bytes_[p] = 0
    for i in range(given.so_far[0]):
        home = given.homes[i]
        lines[home + 1] += 1
        bytes_[home + 1] += given.ends[i] - start
        start = given.ends[i]
    for p in range(partitions):
        lines[p + 1] += lines[p]
        bytes_[p + 1] += bytes_[p]
    line_of, place_of, start = np.empty(partitions, np.int64), np.empty(partitions, np.int64), np.int64(0)
    for p in range(partitions):
        line_of[p], place_of[p] = lines[p], bytes_[p]
    for i in range(given.so_far[0]):
        home, end = given.homes[i], given.ends[i]
        line, at = line_of[home], place_of[home]
        move(names, at, given.names, start, end - start)
        line_of[home], place_of[home] = line + 1, at + end - start
        ends[line] = place_of[home] - bytes_[home]
        actors[line], weights[line], times[line] = given.actors[i], given.weights[i], given.times[i]
        done[line], codes[line] = given.done[i], given.codes[i]
        abouts[line], pairs[line] = given.abouts[i], given.pairs[i]
        start = end


@part
def _big(out, at, value):
    """Four bytes, the highest first."""
    store_u32(out, at, np.uint32(swapped(_U(value)) >> _U(32)))


@kernel
def _number_of(found, starts, lengths, count, seed, out, at, a, start, n):
    """(the number of a name in the pack, how many names that has now, where the next one goes)."""
    last = len(found) - 1
    place = np.int64(name_key(a, start, n, seed) & _U(last))
    while found[place]:
        number = np.int64(found[place]) - 1
        if lengths[number] == n and same(out, starts[number], a, start, n):
            return number, count, at
        place = (place + 1) & last
    end = text(out, at, a, start, start + n)
    starts[count], lengths[count] = end - n, n
    found[place] = count + 1
    return count, count + 1, end


@part
def _section(out, at, number, size):
    """The head of a section with so many bytes; returns where these go."""
    n = np.int64(SECTION_HEADS[number + 1] - SECTION_HEADS[number])
    move(out, at, SECTIONS, SECTION_HEADS[number], n)
    out[at + n] = 0xC6
    _big(out, at + n + 1, size)
    return at + n + 5


@kernel
def write(users, names, ends, actors, weights, times, done, codes, kin, abouts, pairs, first, clock, out):
    """A record with the engagements from number `first` on. Returns (how far it came, its bytes).

    `kin` is (n,), or (0,) where nobody is anybody's account, `done` (n,), or (0,) where nothing is undone; `abouts` and `pairs` are
    the same where none is about anything, and no pair had engaged before. `out` has room for all of them, or for MOST_BYTES;
    a name has at most 65,535 bytes.
    The seed of `users` keeps strangers from choosing names that fall together.
    """
    count = min(len(ends) - first, MOST)
    room = 16
    while room < 6 * count:
        room *= 2
    found = np.zeros(room, np.int32)
    starts, lengths = np.empty(3 * count, np.int64), np.empty(3 * count, np.int64)
    whom, who, what = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    at, n, i = np.int64(_NAMES), np.int64(0), np.int64(0)
    while i < count:
        if i + 8 < count:
            ahead(users.starts, np.int64(actors[first + i + 8]))
        if i + 4 < count:
            ahead(users.text, start_of(users, actors[first + i + 4]))
        start, actor = ends[first + i - 1] if first + i else np.int64(0), start_of(users, actors[first + i])
        size, actor_size = ends[first + i] - start, start_of(users, actors[first + i] + 1) - actor
        if i and at + size + actor_size + 9 + (i + 1) * _COLUMNS + _ENDS > MOST_BYTES:
            break
        about = np.int64(abouts[first + i]) if len(abouts) else np.int64(0)
        size -= about
        whom[i], n, at = _number_of(found, starts, lengths, n, users.seed, out, at, names, start, size)
        who[i], n, at = _number_of(found, starts, lengths, n, users.seed, out, at, users.text, actor, actor_size)
        what[i] = NOTHING
        if about:
            what[i], n, at = _number_of(found, starts, lengths, n, users.seed, out, at, names, start + size, about)
        i += 1
    out[0], out[1], out[2] = 0x94, FORMAT, 0xCF
    store_u64(out, 3, swapped(_U(clock)))
    out[11] = 0xDD
    _big(out, 12, n)
    out[at] = 0x80 | (ALWAYS + min(len(kin), 1) + min(len(done), 1) + min(len(abouts), 1) + min(len(pairs), 1))
    at = _section(out, at + 1, 0, 2 * i)
    for k in range(i):
        store_u16(out, at + 2 * k, np.uint16(whom[k]))
    at = _section(out, at + 2 * i, 1, 2 * i)
    for k in range(i):
        store_u16(out, at + 2 * k, np.uint16(who[k]))
    at = _section(out, at + 2 * i, 2, 4 * i)
    for k in range(i):
        store_f32(out, at + 4 * k, weights[first + k])
    at = _section(out, at + 4 * i, 3, 8 * i)
    for k in range(i):
        store_u64(out, at + 8 * k, _U(times[first + k]))
    at = _section(out, at + 8 * i, 4, i)
    for k in range(i):
        out[at + k] = codes[first + k]
    at += i
    if len(kin):
        at = _section(out, at, 5, 8 * i)
        for k in range(i):
            store_u64(out, at + 8 * k, kin[first + k])
        at += 8 * i
    if len(done):
        at = _section(out, at, 6, 8 * i)
        for k in range(i):
            store_u64(out, at + 8 * k, _U(done[first + k]))
        at += 8 * i
    if len(abouts):
        at = _section(out, at, 7, 2 * i)
        for k in range(i):
            store_u16(out, at + 2 * k, np.uint16(what[k]))
        at += 2 * i
    if len(pairs):
        at = _section(out, at, 8, 4 * i)
        for k in range(i):
            store_f32(out, at + 4 * k, pairs[first + k])
        at += 4 * i
    return first + i, at
