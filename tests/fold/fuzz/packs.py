"""Packs of engagements, beside a reader that takes them apart with msgspec."""

from __future__ import annotations

import math
import random
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from streams.events import KINDS, NEWEST_MS
from streams.fold import tops
from streams.fold.rows import KIND_BITS
from streams.fold.words import padded
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
_SOMETIMES = {"kin": "<u8", "done": "<i8", "about": "<u2", "pair": "<f4"}
_NOTHING = 0xFFFF


def about(dice: random.Random) -> str:
    """What an engagement is about: nothing, an object, topics, keys, or what nobody writes."""
    topics = "".join(
        f"\x1f{dice.choice(('art', 'jazz', text(dice, 128)))}" for _ in range(dice.choice((0, 0, 1, 3, 5, 9)))
    )
    keys = "".join(f"{dice.getrandbits(32):08x}" for _ in range(dice.choice((0, 1, 2, 6, 9))))
    return dice.choice(
        ("", "", f"o{dice.randrange(9)}", topics, f"o{dice.randrange(9)}{topics}", f"\x1e{keys}", f"\x1e{keys}{topics}")
    )[:190]


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
    abouts = [about(dice) for _ in range(n)]
    pairs = [dice.choice((0.0, 0.0, dice.random(), 1e30)) for _ in range(n)]
    if n and dice.random() < 0.05:
        pairs[-1] = dice.choice((-1.0, math.nan, math.inf))
    some = dice.randrange(4)  # which of these two there are
    known = all(len(actor.encode()) <= 1023 for actor in actors)  # longer names a table cannot have
    if n and known and dice.random() < 0.5:
        more = {"abouts": abouts if some & 1 else (), "pairs": pairs if some & 2 else ()}
        return next(iter(encode(packed(targets, actors, *columns, **more), T0)))
    names = [*dict.fromkeys(targets + actors + (abouts if some & 1 else []))]
    numbers = ([names.index(name) for name in some] for some in (targets, actors))
    sections = {s: np.array(c, t).tobytes() for c, (s, t) in zip((*numbers, *columns), _SECTIONS.items(), strict=True)}
    if some & 1:
        sections["about"] = np.array([names.index(one) if one else _NOTHING for one in abouts], "<u2").tobytes()
    if some & 2:
        sections["pair"] = np.array(pairs, "<f4").tobytes()
    return msgspec.msgpack.encode((2, dice.choice((0, 1, 127, 128, 70_000, T0, 2**62)), names, sections))


def unpacked(record: bytes) -> tuple[Any, ...]:
    """What MessagePack says is in it. Raises what msgspec raises."""
    found = msgspec.msgpack.decode(record)
    version, clock, names, sections = found
    assert version == 2
    assert list(sections) == [*_SECTIONS, *(name for name in _SOMETIMES if name in sections)]
    targets, actors, *columns = (np.frombuffer(sections[s], t).tolist() for s, t in _SECTIONS.items())
    more = {name: np.frombuffer(sections[name], t).tolist() for name, t in _SOMETIMES.items() if name in sections}
    assert all(len(column) == len(targets) for column in more.values())
    return clock, names, targets, actors, *columns, more


def check_pack(record: bytes) -> bool:
    """Is it taken? Then it must be what MessagePack reads, and numbers in range; it can be folded."""
    try:
        found = decode(record, NEWEST_MS)
    except ValueError:
        return False
    assert is_usual(record), record
    clock, names, targets, actors, weights, times, codes, _ = unpacked(record)
    targets, actors = ([names[number] for number in some] for some in (targets, actors))
    assert (found.clock, found.targets, found.actors) == (clock, targets, actors), record
    assert (found.times.tolist(), found.codes.tolist()) == (times, codes), record
    assert found.weights.tolist() == weights, record
    assert found.newest_ms == max(times, default=0)
    table = Table(PLAIN)
    (slots,) = receive(table, [found])
    assert [table.users[slot] for slot in slots.tolist()] == targets
    assert (table.counts.folded, len(table)) == (len(targets), len(set(targets)))
    for slot in range(len(table)):
        kept = table.tops[slot]
        assert tops.sound(padded(kept), 0, len(kept)), record
    return True


def is_usual(record: bytes) -> bool:
    """A pack as Clout writes it: with times that there are, names that there may be, numbers, and kinds that are known."""
    clock, names, targets, actors, weights, times, codes, more = unpacked(record)
    about_what = [number for number in more.get("about", ()) if number != _NOTHING]
    there = all(number < len(names) for number in (*targets, *actors, *about_what))
    short = there and all(len(names[number].encode()) <= 64 + 1 + 256 for number in (*targets, *actors))
    short &= all(len(name.encode()) <= 256 + 1 + 320 for name in names)
    kinds = all(code & KIND_BITS < len(KINDS) for code in codes)
    return (
        short
        and there
        and kinds
        and all(map(math.isfinite, weights))
        and all(0 <= pair < math.inf for pair in more.get("pair", ()))
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
