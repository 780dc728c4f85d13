"""Kafka's record batches, beside a plain reader of their format."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from unittest import mock

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.broker import batches as read_batches
from streams.fold import words
from tests.fold.edge import Edge
from tests.fold.fuzz.broken import T0, behind, broken
from tests.fold.fuzz.packs import _PACKED


def a_batch(dice: random.Random) -> bytes:
    """Records as a producer's library writes them, not compressed."""
    made = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset in range(dice.choice((1, 1, 2, 5))):
        key, value = (
            None if dice.random() < 0.1 else dice.randbytes(dice.choice((0, 5, 63, 64, 200))) for _ in range(2)
        )
        headers = [
            (dice.choice(("", "a", "é")), dice.choice((None, b"", b"x"))) for _ in range(dice.choice((0, 0, 0, 1, 3)))
        ]
        assert made.append(offset, T0, key, value, headers) is not None
    return bytes(made.build())


def in_batch(
    body: bytes, count: int
) -> Iterator[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]:
    """Offset, key, value and headers of its records, as Kafka's protocol has them. Stops where one is not as it should be."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = body[at], at + 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value >> 1 ^ -(value & 1)

    def some() -> bytes | None:
        nonlocal at
        if (n := number()) < 0:
            return None
        if at + n > len(body):
            raise IndexError
        at += n
        return body[at - n : at]

    for _ in range(count):
        try:
            n = number()
            end, at = at + n, at + 1  # a byte of attributes
            number()  # the time
            offset, key, value, headers = number(), some(), some(), list[tuple[str, bytes | None]]()
            more = number()
            while more > len(headers):
                name = some()
                assert name is not None
                headers.append((name.decode(errors="replace"), some()))
        except (IndexError, AssertionError):
            return
        if more < 0 or at != end:
            return
        yield offset, key, value, headers


def check_batch(raw: bytes, hold: Callable[[bytes], Any]) -> tuple[int, str]:
    """How many records are read, and why not those behind them; what is read is what is there."""
    with mock.patch.object(words, "padded", hold):
        found, why = read_batches.columns(read_batches._Batch(memoryview(raw)))
    count = int.from_bytes(raw[57:61], "big")
    expected = list(islice(in_batch(raw[61:], count), len(found)))
    assert [(one.offset, one.key, one.value, list(one.headers)) for one in found] == expected, raw
    assert found.offsets.tolist() == [offset for offset, *_ in expected]
    assert why or len(found) == count
    return len(found), why


def batches(seed: int, n: int) -> dict[str, float]:
    """So many batches, half of them broken behind their head; the share of broken ones that were read whole."""
    dice, edge, whole = random.Random(seed), Edge(), 0
    for number in range(n):
        edge.behind, edge.left, raw = behind(dice), dice.random() < 0.2, a_batch(dice)
        if number % 2:
            body = broken(dice, raw[61:], _PACKED)
            raw = raw[:8] + (49 + len(body)).to_bytes(4, "big") + raw[12:61] + body
        _, why = check_batch(raw, edge.padded)
        assert number % 2 or not why, raw
        whole += number % 2 and not why
    return {"broken": 2 * whole / max(n, 1)}
