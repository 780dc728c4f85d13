"""Lines of persons, broken in every way: refused, or what a plain reader finds in them; never read beyond their end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from streams.fold.people import EXACT
from streams.fold.rows import DID_TS, FOR_EVER, GOT_TS, LINE
from streams.fold.since import KEPT_SINCE
from streams.formats import lines as wire
from streams.model.given import Given, as_told, given
from streams.model.lines import Told
from tests.fold.edge import Edge
from tests.fold.fuzz.broken import NEWEST, T0, broken

_FIXED = struct.Struct("<qqBqqIIIIII")
Line = dict[str, Any]


def text(some: bytes) -> bytes:
    """With its length before it."""
    return struct.pack("<H", len(some)) + some


def line(dice: Random, account: str) -> bytes:
    """One, of whatever an account may be."""
    columns = [dice.random() * 9 if dice.random() < 0.3 else 0.0 for _ in range(LINE)]
    columns[DID_TS] = columns[GOT_TS] = float(T0 - dice.randrange(10**6))
    mask = sum(1 << i for i, x in enumerate(columns) if x)
    since = [dice.random() if dice.random() < 0.2 else 0.0 for _ in range(KEPT_SINCE)]
    mask_since = sum(1 << i for i, x in enumerate(since) if x)
    span = dice.choice([(0, FOR_EVER), (T0, FOR_EVER), (T0, T0 + dice.randrange(9))])
    flags, day = dice.randrange(4), dice.choice([0, T0 // 86_400_000])
    fixed = _FIXED.pack(dice.randrange(9), dice.randrange(99), flags, *span, day, 1, 2, 3, mask, mask_since)
    known = dice.choice([0, 0, 1, 2, EXACT, 255])
    sketch = bytes((known,)) + (
        dice.randbytes(8 * known) if known < 255 else bytes(dice.randrange(57) for _ in range(256))
    )
    facts = [Given("lists", dice.random(), T0)] if dice.random() < 0.3 else []
    return (
        text(account.encode())
        + fixed
        + b"".join(struct.pack("<d", x) for x in (*columns, *since) if x)
        + sketch
        + text(as_told(facts))
    )


def section(dice: Random) -> bytes:
    """Some groups."""
    found = b""
    for person in range(dice.randrange(1, 4)):
        n = dice.randrange(1, 4)
        some = b"".join(line(dice, f"net:{'a' * dice.randrange(1, 40)}{i}") for i in range(n))
        found += text(f"person:{person}".encode()) + struct.pack("<H", n) + some
    return found


def plain(data: bytes) -> Iterator[Line]:
    """What is in them, read with `struct`."""
    at = 0

    def taken() -> bytes:
        nonlocal at
        (n,) = struct.unpack_from("<H", data, at)
        at += 2 + n
        return data[at - n : at]

    while at < len(data):
        person, (count,) = taken().decode(), struct.unpack_from("<H", data, at)
        at += 2
        for _ in range(count):
            account = taken().decode()
            link, version, flags, begun, ended, day, *steps, mask, mask_since = _FIXED.unpack_from(data, at)
            at += _FIXED.size
            columns, since = [0.0] * LINE, [0.0] * KEPT_SINCE
            for out, bits in ((columns, mask), (since, mask_since)):
                for i in range(len(out)):
                    if bits >> i & 1:
                        (out[i],) = struct.unpack_from("<d", data, at)
                        at += 8
            size = 1 + (256 if data[at] == 255 else 8 * data[at])
            sketch, at = data[at : at + size], at + size
            yield {
                "person": person,
                "account": account,
                "numbers": [link, version, flags, begun, ended, day],
                "steps": steps,
                "columns": columns,
                "since": since,
                "sketch": sketch,
                "facts": given(taken()),
            }


def found(told: Told) -> Iterator[Line]:
    """The same of what was read."""
    names = [
        [names.text[start:end].tobytes().decode() for start, end in zip([0, *names.ends], names.ends, strict=False)]
        for names in (told.persons, told.accounts)
    ]
    for i in range(len(told)):
        start, end = told.places[i, 0], told.places[i, 1] - 2
        yield {
            "person": names[0][told.of[i]],
            "account": names[1][i],
            "numbers": told.numbers[i].tolist(),
            "steps": told.steps[i].tolist(),
            "columns": told.columns[i].tolist(),
            "since": told.since[i].tolist(),
            "sketch": told.text[start:end].tobytes(),
            "facts": given(told.facts(i)),
        }


def check(data: bytes, edge: Edge) -> bool:
    """Are they taken? Then they are what the plain reader finds, and all of it is in range; `careful` says the same."""
    said = []
    for careful in (True, False):
        try:
            with mock.patch.object(wire, "padded", edge.padded):
                said.append(list(found(wire.decode(data, NEWEST, careful=careful))))
        except ValueError:
            said.append([])
    assert said[0] == said[1]
    if said[0]:
        assert said[0] == list(plain(data))
        for one in said[0]:
            assert one["person"].startswith("person:") > one["account"].startswith("person:")
            assert np.isfinite(one["columns"]).all()
            assert max(one["columns"][DID_TS], one["columns"][GOT_TS]) <= NEWEST
            assert min(one["numbers"]) >= 0
    return bool(said[0])


def lines(seed: int, count: int) -> dict[str, float]:
    """So many sections: how many of the good ones, and of the broken ones, are taken."""
    dice, edge, taken = Random(seed), Edge(), [0, 0]
    for i in range(count):
        data = section(dice)
        edge.left = bool(i & 1)
        taken[0] += check(data, edge)
        taken[1] += check(broken(dice, data), edge)
    return {"good": taken[0] / count, "broken": taken[1] / count}
