"""Who ever engaged with somebody: each exactly up to EXACT people, then a HyperLogLog of REGISTERS registers.

A sketch knows people by the hash of their names. It depends on who they were alone: not on their order, nor on how often.

    count of hashes, and as many u64       up to EXACT
    REGISTERED, and a byte a register      else: the most zeros that a hash of this register ended in, plus one

Flajolet et al., 2007; estimated as in Ertl, 2017 (arXiv 1702.01284, algorithm 6), which needs no tables and has no jumps.
One standard error is 1.04 / sqrt(REGISTERS) = 6.5 %. Chunks of the arena have 8 bytes or a few times that: who got one like
costs 8.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel
from streams.fold.words import load_u64, move, store_u64, zeros_below

EXACT, REGISTERS = 16, 256
REGISTERED = 255  #: count of a sketch with registers
ERROR = 0.065  #: one standard error of an estimate, relative
UNIT = 8  #: bytes; 0 is no chunk
SORTS = 9  #: chunks of so many hashes as _ROOMS has it, and of registers
MOST_CHUNK = REGISTERS  #: bytes
MOST = 1 + REGISTERS  #: bytes of a sketch as it is kept
_ROOMS = [1, 2, 3, 4, 6, 8, 12, 16]
_SIZES = np.array([*(8 * room for room in _ROOMS), REGISTERS], np.int64)
_SORT = np.array([sum(room < count for room in _ROOMS) for count in range(REGISTERED + 1)], np.uint8)
_BITS, HIGHEST = 8, 57  # of a hash that choose the register; the highest that a register may say
_ALPHA = 0.5 / np.log(2.0)

_U = np.uint64


class People(NamedTuple):
    """The arrays, as kernels read them."""

    arena: NDArray[np.uint8]
    at: NDArray[np.int32]  #: (users,) where the chunk of each begins, in UNITs; 0: none
    known: NDArray[np.uint8]  #: (users,) hashes in it, or REGISTERED
    lists: NDArray[np.int64]  #: (SORTS + 1,) first free chunk of each sort, in UNITs, and where the unused rest begins


@kernel
def _sort_of(count):
    """The sort of chunk for so many hashes, or REGISTERED."""
    return np.int64(_SORT[count])


@kernel
def _chunk(p, sort):
    at = p.lists[sort]
    if at:
        p.lists[sort] = np.int64(load_u64(p.arena, at * UNIT))
        return at
    at = p.lists[SORTS]
    p.lists[SORTS] = at + _SIZES[sort] // UNIT
    return at


@kernel
def _moved(p, slot, count, size):
    """A chunk for `count` hashes, or registers; the first `size` bytes of the old one are in it. Returns where it begins."""
    old, old_count = np.int64(p.at[slot]), np.int64(p.known[slot])
    to = _chunk(p, _sort_of(count))
    if old:
        move(p.arena, to * UNIT, p.arena, old * UNIT, size)
        sort = _sort_of(old_count)
        store_u64(p.arena, old * UNIT, _U(p.lists[sort]))
        p.lists[sort] = old
    p.at[slot] = to
    return to * UNIT


@kernel
def is_full(p):
    """Might there be no room for one more chunk of any sort?"""
    return p.lists[SORTS] * UNIT + MOST_CHUNK > len(p.arena)


@kernel
def _register(a, at, key):
    """Tell the registers at `at` of a hash; is that news?"""
    place, rank = at + np.int64(key & _U(REGISTERS - 1)), min(zeros_below(key >> _U(_BITS)) + 1, HIGHEST)
    if a[place] >= rank:
        return False
    a[place] = rank
    return True


@kernel
def to_registers(p, slot):
    """Registers in the place of the hashes that a slot knows. There is room."""
    count, old = np.int64(p.known[slot]), np.int64(p.at[slot]) * UNIT
    known = np.empty(EXACT, np.uint64)
    for i in range(count):
        known[i] = load_u64(p.arena, old + 8 * i)
    at = _moved(p, slot, REGISTERED, 0)
    p.known[slot] = REGISTERED
    for i in range(REGISTERS):
        p.arena[at + i] = 0
    for i in range(count):
        _register(p.arena, at, known[i])


@kernel
def add(p, slot, key):
    """The person with this hash engaged with a slot; is that news? There is room (`is_full`)."""
    count, at = np.int64(p.known[slot]), np.int64(p.at[slot]) * UNIT
    if count == REGISTERED:
        return _register(p.arena, at, key)
    for i in range(count):
        if load_u64(p.arena, at + 8 * i) == key:
            return False
    if count < EXACT:
        if count == 0 or _sort_of(count + 1) != _sort_of(count):
            at = _moved(p, slot, count + 1, 8 * count)
        store_u64(p.arena, at + 8 * count, key)
        p.known[slot] = count + 1
        return True
    to_registers(p, slot)
    _register(p.arena, np.int64(p.at[slot]) * UNIT, key)
    return True


@kernel
def _sigma(x):
    """The sum of x^(2^k) 2^(k-1): what registers add that know nobody, of whom x is their part."""
    z, y, before = x, 1.0, -1.0
    while z != before:
        x, before = x * x, z
        z += x * y
        y += y
    return z


@kernel
def _tau(x):
    """The same of registers that are full."""
    if x <= 0.0 or x >= 1.0:
        return 0.0
    z, y, before = 1.0 - x, 1.0, -1.0
    while z != before:
        x, before, y = np.sqrt(x), z, 0.5 * y
        z -= (1.0 - x) ** 2 * y
    return z / 3.0


@kernel
def estimated(a, at, registers, highest):
    """How many people so many registers at `at` have been told of, which say `highest` at most."""
    of = np.zeros(highest + 1)
    for i in range(registers):
        of[min(a[at + i], highest)] += 1.0
    z = registers * _tau(1.0 - of[highest] / registers)
    for k in range(highest - 1, 0, -1):
        z = 0.5 * (z + of[k])
    return _ALPHA * registers * registers / (z + registers * _sigma(of[0] / registers))


@kernel
def people_of(p, slot):
    """How many people ever engaged with a slot: a whole number, more than EXACT where it is an estimate."""
    count = np.int64(p.known[slot])
    if count == REGISTERED:
        return max(np.rint(estimated(p.arena, np.int64(p.at[slot]) * UNIT, REGISTERS, HIGHEST)), EXACT + 1.0)
    return np.float64(count)


@kernel
def clear(p, slot):
    """Nobody ever engaged with a slot."""
    if p.at[slot]:
        sort, at = _sort_of(np.int64(p.known[slot])), np.int64(p.at[slot])
        store_u64(p.arena, at * UNIT, _U(p.lists[sort]))
        p.lists[sort] = at
    p.at[slot] = p.known[slot] = 0


@kernel
def size_of(count):
    """Bytes of a sketch as it is kept, its count included."""
    return 1 + (REGISTERS if count == REGISTERED else 8 * count)


@kernel
def copied(p, slots, ends, out):
    """The sketches of `slots` one behind another in `out`; number i ends at ends[i]."""
    end = np.int64(0)
    for i in range(len(slots)):
        count = np.int64(p.known[slots[i]])
        n = size_of(count)
        out[end] = count
        move(out, end + 1, p.arena, np.int64(p.at[slots[i]]) * UNIT, n - 1)
        end += n
        ends[i] = end


@kernel
def sound(a, start, end):
    """Is this a sketch as it is kept?"""
    if start >= end:
        return False
    count = np.int64(a[start])
    if count != REGISTERED:
        return 1 <= count <= EXACT and end - start == size_of(count)
    if end - start != MOST:
        return False
    for i in range(start + 1, end):
        if a[i] > HIGHEST:
            return False
    return True


@kernel
def put(p, slot, a, start):
    """The sketch at `start`, sound, is that of a slot now. There is room (`is_full`)."""
    count = np.int64(a[start])
    move(p.arena, _moved(p, slot, count, 0), a, start + 1, size_of(count) - 1)
    p.known[slot] = count


@kernel
def unite_one(p, slot, q, number):
    """Add those whom `number` of `q` knows to those whom a slot of `p` knows. There is room."""
    count, start = np.int64(q.known[number]), np.int64(q.at[number]) * UNIT
    if count != REGISTERED:
        for i in range(count):
            add(p, slot, load_u64(q.arena, start + 8 * i))
        return
    if p.known[slot] != REGISTERED:
        to_registers(p, slot)
    at = np.int64(p.at[slot]) * UNIT
    for i in range(REGISTERS):
        p.arena[at + i] = max(p.arena[at + i], q.arena[start + i])
