"""Packs of engagements, as they are read: who did what to whom, one pack an interval and partition.

Wire format 2 is MessagePack: [2, sender's clock ms, [name, ...], {section: bytes, ...}], each name once; a section is a
column, little-endian, one value an engagement, and these there are, in this order:

    target  u16  number of the name of who was engaged with        actor  u16  number of the name of who did it
    weight  f32  as it was at `ts`                                 ts     i64  ms        code  u8  kind, and flags
    kin     u64  hash of the person whose account the actor was at `ts`; 0: nobody's. Only where somebody was one's
    done    i64  when it was done, ms: of an undo, whose `ts` is that of what it takes back. Only where there is one
    about   u16  number of the name that says what it is about (`streams.fold.about`), or NOTHING. Only where one is about something
    pair    f32  what earlier engagements of the pair weigh at `ts`, as far as the actor remembers. Only where there is one

What is written later may have more sections; a reader that does not know one refuses the pack and says so. 0.1 us an engagement.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.letters import valid
from streams.fold.rows import KIND_BITS, KINDS, LONGEST, MOST_ABOUT
from streams.fold.words import load_f32, load_i64, load_u16, load_u32, swapped

FORMAT = 2
NAMES = ("target", "actor", "weight", "ts", "code")  #: of the sections that every pack has
SOMETIMES = ("kin", "done", "about", "pair")  #: of those that some have, behind them
SECTION_SIZES = np.array([2, 2, 4, 8, 1, 8, 8, 2, 4])  #: bytes of a value, of both
ALWAYS = len(NAMES)
NOTHING = 0xFFFF  #: in place of the number of a name
_HEADS = [bytes((0xA0 | len(name),)) + name.encode() for name in NAMES + SOMETIMES]
SECTIONS = np.frombuffer(b"".join(_HEADS) + bytes(8), np.uint8).copy()  #: the names, with their heads
SECTION_HEADS = np.cumsum([0, *map(len, _HEADS)])  #: where in them each begins

_U = np.uint64


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


class Places(NamedTuple):
    """Where everything of a pack is in its bytes; `total` -1: it is no pack."""

    total: int  #: engagements
    names: int  #: how many
    clock: int  #: ms
    targets: int
    actors: int
    weights: int
    times: int
    codes: int
    kin: int  #: 0: it has none
    done: int  #: the same
    abouts: int
    pairs: int


@kernel
def _head(a, size):
    """(how many names, the clock, where the first name is); -1: it is no pack."""
    if size < 8 or a[0] != 0x94 or a[1] != FORMAT:
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
    """How many names a pack says it has: at most one a byte; -1: it is no pack."""
    count, _, at = _head(a, size)
    return count if count <= size - at else np.int64(-1)


@kernel
def _names_end(a, at, size, count, starts, lengths):
    """Where so many names end, whose places go to `starts` and `lengths`; -1: they are not as they should be."""
    for i in range(count):
        if at >= size:
            return np.int64(-1)
        b = np.int64(a[at])
        if b & 0xE0 == 0xA0:
            n, at = b & 31, at + 1
        elif b == 0xD9:
            n, at = np.int64(a[at + 1]), at + 2
        elif b == 0xDA:
            n, at = (np.int64(a[at + 1]) << 8) | np.int64(a[at + 2]), at + 3
        else:
            return np.int64(-1)
        if n > MOST_ABOUT or at + n > size or not valid(a, at, at + n):
            return np.int64(-1)
        starts[i], lengths[i] = at, n
        at += n
    return at


@kernel
def _section(a, at, size, number):
    """(where the bytes of a section begin whose name is at `at`, how many there are); -1: it is another one."""
    head = SECTION_HEADS[number]
    length = SECTION_HEADS[number + 1] - head
    if at < 0 or at + length >= size:
        return np.int64(-1), np.int64(0)
    for i in range(length):
        if a[at + i] != SECTIONS[head + i]:
            return np.int64(-1), np.int64(0)
    at += length
    if a[at] == 0xC4:
        n, start = np.int64(a[at + 1]), at + 2
    elif a[at] == 0xC5:
        n, start = (np.int64(a[at + 1]) << 8) | np.int64(a[at + 2]), at + 3
    elif a[at] == 0xC6:
        n, start = _big(a, at + 1), at + 5
    else:
        return np.int64(-1), np.int64(0)
    return (start, n) if start + n <= size else (np.int64(-1), np.int64(0))


@kernel
def places(a, size, starts, lengths):
    """Read a pack of `size` bytes; the places of its names go to `starts` and `lengths` (names,)."""
    none = np.int64(0)
    bad = Places(np.int64(-1), none, none, none, none, none, none, none, none, none, none, none)
    count, clock, at = _head(a, size)
    if count < 0 or count > len(starts):
        return bad
    at = _names_end(a, np.int64(at), size, count, starts, lengths)
    if at < 0 or at >= size or not 0x80 | ALWAYS <= a[at] <= 0x80 | len(SECTION_SIZES):
        return bad
    more = np.int64(a[at]) - (0x80 | ALWAYS)
    targets, n = _section(a, at + 1, size, 0)
    total = n // 2
    actors, n_actors = _section(a, targets + n if targets >= 0 else np.int64(-1), size, 1)
    weights, n_weights = _section(a, actors + n_actors if actors >= 0 else np.int64(-1), size, 2)
    times, n_times = _section(a, weights + n_weights if weights >= 0 else np.int64(-1), size, 3)
    codes, n_codes = _section(a, times + n_times if times >= 0 else np.int64(-1), size, 4)
    if (
        codes < 0
        or n != 2 * total
        or n_actors != n
        or n_weights != 4 * total
        or n_times != 8 * total
        or n_codes != total
    ):
        return bad
    end, kin, done, abouts, pairs = codes + n_codes, none, none, none, none
    for number in range(ALWAYS, len(SECTION_SIZES)):
        start, n = _section(a, end, size, number)
        if start >= 0 and more > 0:
            if n != SECTION_SIZES[number] * total:
                return bad
            if number == ALWAYS:
                kin = start
            elif number == ALWAYS + 1:
                done = start
            elif number == ALWAYS + 2:
                abouts = start
            else:
                pairs = start
            end, more = start + n, more - 1
    if end != size or more:
        return bad
    return Places(total, count, clock, targets, actors, weights, times, codes, kin, done, abouts, pairs)


@kernel
def sound(a, found, lengths, newest_ms):
    """(0: all of it is in range, 1: a weight is no number or a kind unknown, 2: a time is out of range, 3: a name is not there,
    4: one is too long for a user's; the newest time). `lengths` (names,) are those of the names."""
    newest = np.int64(0)
    for i in range(found.total):
        if not np.isfinite(load_f32(a, found.weights + 4 * i)) or a[found.codes + i] & KIND_BITS >= KINDS:
            return 1, newest
        ts = load_i64(a, found.times + 8 * i)
        if not 0 <= ts <= newest_ms or (found.done and not 0 <= load_i64(a, found.done + 8 * i) <= newest_ms):
            return 2, newest
        if max(load_u16(a, found.targets + 2 * i), load_u16(a, found.actors + 2 * i)) >= found.names:
            return 3, newest
        if max(lengths[load_u16(a, found.targets + 2 * i)], lengths[load_u16(a, found.actors + 2 * i)]) > LONGEST:
            return 4, newest
        if found.abouts and found.names <= load_u16(a, found.abouts + 2 * i) != NOTHING:
            return 3, newest
        if found.pairs and not 0.0 <= load_f32(a, found.pairs + 4 * i) < np.inf:
            return 1, newest
        newest = max(newest, ts)
    return 0, newest
