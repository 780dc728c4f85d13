"""What lists say of users, by slot: `streams.fold.tops` has the format, and what is exact."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from streams.events import KINDS, Kind
from streams.fold import tops, who
from streams.fold.people import estimated
from streams.fold.tops import HEAD, OBJECTS, OF_KINDS, REST
from streams.fold.who import EXACT, HIGHEST, REGISTERED, REGISTERS
from streams.fold.words import padded
from streams.model.chunks import Chunks
from streams.model.windows import decay

_HEAD = struct.Struct("<I3H")
_ENTRY = struct.Struct("<HBIffII")
assert (_HEAD.size, _ENTRY.size) == (HEAD, REST)  # noqa: S101 - as kernels write them
_WHO = [who.who_bytes.py_func(count) for count in range(256)]


class Entry(NamedTuple):
    """An entry of a list, as it weighs at a moment."""

    name: str
    weight: float  #: of the quarter window
    error: float  #: so much of it may be somebody else's
    people: int  #: how many are behind it; above EXACT an estimate
    first_ms: int
    last_ms: int
    kinds: dict[Kind, int]  #: engagements by kind, of an object


class Tops(Chunks):
    """The lists of a table's users; empty for who has nothing yet."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(tops.sound)

    def lists(self, slot: int, now_ms: int, half_life_ms: int) -> tuple[list[Entry], ...]:
        """Topics, people, objects and whom memory has lost, as they weigh at `now_ms`, what surely weighs most first."""
        return lists(self[slot], now_ms, half_life_ms)


def lists(kept: bytes, now_ms: int, half_life_ms: int) -> tuple[list[Entry], ...]:
    """The same of the bytes of a chunk; `half_life_ms` is that of the quarter window."""
    if not kept:
        return [], [], [], []
    steps, *ends = _HEAD.unpack_from(kept)
    factor, found, start = decay(now_ms, steps * half_life_ms, half_life_ms), [], HEAD
    for sort, end in enumerate((*ends, len(kept))):
        entries = list(_entries(kept, start, end, sort, factor))
        entries.sort(key=lambda entry: (entry.error - entry.weight, -entry.weight, entry.name))
        found.append(entries)
        start = end
    return tuple(found)


def _entries(kept: bytes, start: int, end: int, sort: int, factor: float) -> Iterator[Entry]:
    while start < end:
        size, who, _, weight, error, first, last = _ENTRY.unpack_from(kept, start)
        at, kinds = start + REST, dict[Kind, int]()
        if sort == OBJECTS:
            counts = struct.unpack_from(f"<{OF_KINDS // 2}H", kept, at)
            kinds = {kind: count for kind, count in zip(KINDS, counts, strict=True) if count}
            at += OF_KINDS
        people = _people(kept[at : at + REGISTERS]) if who == REGISTERED else who
        name = kept[at + _WHO[who] : start + size].decode()
        yield Entry(name, weight * factor, error * factor, people, first * 1000, last * 1000, kinds)
        start += size


def _people(registers: bytes) -> int:
    return max(round(float(estimated(padded(registers), 0, REGISTERS, HIGHEST))), EXACT + 1)
