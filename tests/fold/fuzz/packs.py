"""Packs of engagements, beside a reader that takes them apart with msgspec."""

from __future__ import annotations

import math
import random
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from streams.events import KINDS, NEWEST_MS
from streams.fold.rows import KIND_BITS
from streams.formats import engagements as wire
from streams.formats.engagements import decode, encode
from streams.model.engagements import packed
from streams.model.receiving import receive
from streams.model.table import Table
from streams.model.versions import PLAIN
from tests.fold.edge import Edge
from tests.fold.fuzz.broken import NEWEST, T0, behind, broken
from tests.fold.fuzz.events import text

_PACKED = [
    bytes((n,))
    for n in (
        0x00,
        0x01,
        0x7F,
        0x80,
        0x90,
        0x85,
        0x94,
        0xA0,
        0xC0,
        0xC4,
        0xC5,
        0xC6,
        0xCC,
        0xCF,
        0xD9,
        0xDA,
        0xDB,
        0xDC,
        0xDD,
        0xFF,
    )
]
_PACKED += [
    b"\xdd\xff\xff\xff\xff",
    b"\xdc\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xda\xff\xff",
    b"\xcf" + b"\xff" * 8,
    b"\x00\x00\xc0\x7f",
]

_SECTIONS = {"target": "<u2", "actor": "<u2", "weight": "<f4", "ts": "<i8", "code": "u1"}


def pack(dice: random.Random) -> bytes:
    """A good one: as a worker writes it, or as MessagePack would be written by another library."""
    n = dice.choice((0, 1, 1, 2, 3, 15, 16, 17, 40, 300))
    targets, actors = (
        [f"net:{text(dice, 256)}" if dice.random() < 0.1 else f"net:u{dice.randrange(99)}" for _ in range(n)]
        for _ in "ta"
    )
    columns = (
        [dice.uniform(-8, 8) for _ in range(n)],
        [dice.randrange(NEWEST) for _ in range(n)],
        [dice.choice((0, 5, 8, 25, 36)) for _ in range(n)],
    )
    if n and dice.random() < 0.1:  # numbers that nobody sends
        column, at = dice.randrange(3), dice.randrange(n)
        columns[column][at] = dice.choice(
            ((math.nan, math.inf, -math.inf), (-1, NEWEST_MS + 1, 2**62), (6, 7, 62))[column]
        )
    if n and dice.random() < 0.5:
        return next(iter(encode(packed(targets, actors, *columns), T0)))
    names = [*dict.fromkeys(targets + actors)]
    numbers = ([names.index(name) for name in some] for some in (targets, actors))
    sections = {s: np.array(c, t).tobytes() for c, (s, t) in zip((*numbers, *columns), _SECTIONS.items(), strict=True)}
    return msgspec.msgpack.encode((2, dice.choice((0, 1, 127, 128, 70_000, T0, 2**62)), names, sections))


def unpacked(record: bytes) -> tuple[Any, ...]:
    """What MessagePack says is in it. Raises what msgspec raises."""
    found = msgspec.msgpack.decode(record)
    version, clock, names, sections = found
    assert (version, list(sections)) == (2, list(_SECTIONS))
    targets, actors, *columns = (np.frombuffer(sections[s], t).tolist() for s, t in _SECTIONS.items())
    return clock, names, targets, actors, *columns


def check_pack(record: bytes) -> bool:
    """Is it taken? Then it must be what MessagePack reads, and numbers in range; it can be folded."""
    try:
        found = decode(record, NEWEST_MS)
    except ValueError:
        return False
    assert is_usual(record), record
    clock, names, targets, actors, weights, times, codes = unpacked(record)
    targets, actors = ([names[number] for number in some] for some in (targets, actors))
    assert (found.clock, found.targets, found.actors) == (clock, targets, actors), record
    assert (found.times.tolist(), found.codes.tolist()) == (times, codes), record
    assert found.weights.tolist() == weights, record
    assert found.newest_ms == max(times, default=0)
    table = Table(PLAIN)
    (slots,) = receive(table, [found])
    assert [table.users[slot] for slot in slots.tolist()] == targets
    assert (table.counts.folded, len(table)) == (len(targets), len(set(targets)))
    return True


def is_usual(record: bytes) -> bool:
    """A pack as Clout writes it: with times that there are, names that there may be, numbers, and kinds that are known."""
    clock, names, targets, actors, weights, times, codes = unpacked(record)
    short = all(len(name.encode()) <= 64 + 1 + 256 for name in names)
    there = all(number < len(names) for number in (*targets, *actors))
    kinds = all(code & KIND_BITS < len(KINDS) for code in codes)
    return (
        short
        and there
        and kinds
        and all(map(math.isfinite, weights))
        and all(0 <= ts <= NEWEST_MS for ts in [clock, *times])
    )


def packs(seed: int, n: int) -> dict[str, float]:
    """So many packs, half of them broken; how many of each are taken."""
    dice, edge, taken = random.Random(seed), Edge(), [0, 0]
    with mock.patch.object(wire, "padded", edge.padded):
        for number in range(n):
            edge.behind, edge.left = behind(dice), dice.random() < 0.2
            record = pack(dice)
            if number % 2:
                record = broken(dice, record, _PACKED)
            good = check_pack(record)
            assert good or number % 2 or not is_usual(record), record
            taken[number % 2] += good
    return {"good": 2 * taken[0] / max(n, 1), "broken": 2 * taken[1] / max(n, 1)}
