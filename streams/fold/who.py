"""Who is behind an entry of a list (`streams.fold.tops`): 16 bits of the hash of each up to EXACT, then registers of a HyperLogLog.

One standard error of these 18 %; estimated as in `streams.fold.people`. 0, 2, 8, 16 or 32 bytes.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.rows import EXACT_WHO
from streams.fold.words import load_u16, zeros_below

EXACT, REGISTERS, REGISTERED = EXACT_WHO, 32, 255  #: people; registers; in place of a count: they are registers
_BITS, HIGHEST = 5, 44  #: of a hash that choose the register; the highest that one may say
_SHORT = 11  # bits of a short hash behind those

_U = np.uint64


@part
def who_bytes(count):
    """Bytes of `who`, of so many people or REGISTERED."""
    if count < 2:
        return 2 * count
    return 8 if count <= 4 else 16 if count <= 8 else 32


@kernel
def register(a, at, hash_):
    """Tell registers of a hash, or of its last 16 bits."""
    place, rest = at + np.int64(hash_ & _U(REGISTERS - 1)), hash_ >> _U(_BITS)
    rank = min(np.int64(zeros_below(rest)) + 1, HIGHEST) if rest else _SHORT + 1
    a[place] = max(a[place], rank)


@part
def knows(a, where, count, hash_):
    """Do these people, `count` or REGISTERED, have somebody with this hash? Registers are told of it."""
    if count == REGISTERED:
        register(a, where, hash_)
        return True
    short = hash_ & _U(0xFFFF)
    for i in range(count):
        if _U(load_u16(a, where + 2 * i)) == short:
            return True
    return False
