"""Blocks made by hand, and an intake to feed them to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from streams.events import MAX_AHEAD_MS
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partition.block import Block
from streams.partition.intake import Intake
from streams.partition.turns import Turns
from streams.partitioner import partition_of
from streams.topics import SOURCES

T0 = 1_767_225_600_000
NEWEST_MS = T0 + MAX_AHEAD_MS
PARTITIONS = 4


class Record(NamedTuple):
    """A record as aiokafka gives it, as far as the intake looks."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, Any]] = ()


def intake(number: int = 0, prefix: str = "", start: int = 0, partitions: int = PARTITIONS) -> Intake:
    """An empty intake of one partition, all positions at `start`."""
    made = Intake(Table(PLAIN), number, partitions, Turns(prefix))
    made.positions = {topic.name: start for topic in SOURCES}
    return made


def names(number: int, count: int = 3, partitions: int = PARTITIONS) -> list[str]:
    """So many ids whose users live in that partition."""
    found = (f"u{n}" for n in range(10_000) if partition_of(f"net:u{n}", partitions) == number)
    return [next(found) for _ in range(count)]


def value(actor: str, target: str = "bob", ts: int = T0, event_id: str = "1", **more: Any) -> bytes:
    """An event's JSON."""
    return orjson.dumps({"id": event_id, "network": "net", "actor": actor, "target": target, "ts": ts, **more})


def block(
    topic: str, *values: bytes | Record | None, before: int = 0, after: int | None = None, partition: int = 0
) -> Block:
    """Records of one topic from offset `before` on, without gaps unless records bring their own offsets."""
    records = [v if isinstance(v, Record) else Record(before + n, v) for n, v in enumerate(values)]
    end = after if after is not None else (records[-1].offset + 1 if records else before)
    return Block(topic, partition, before, end, 1, records)


def fold(into: Intake, topic: str, *values: bytes | Record | None, **where: Any) -> None:
    """A block that continues the intake's position, folded."""
    where.setdefault("before", into.positions[topic])
    into.fold(block(topic, *values, **where), NEWEST_MS)
