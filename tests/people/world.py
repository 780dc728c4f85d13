"""A whole house of partitions without servers: events and controls in, packs and lines carried by hand, records out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson

from streams.events import MAX_AHEAD_MS, TOPIC_OF
from streams.formats import engagements, lines
from streams.model.records import scored
from streams.model.table import Table
from streams.model.versions import PLAIN, Model
from streams.partition.block import Block
from streams.partition.intake import Intake
from streams.partition.turns import Turns
from streams.partitioner import partition_of
from streams.people import telling
from streams.topics import CONTROLS, ENGAGEMENTS, SOURCES
from tests.partition.blocks import Record

T0 = 1_767_225_600_000
HOUR_MS = 3_600_000


class House:
    """Partitions that send each other what they have to."""

    def __init__(self, partitions: int = 3, model: Model = PLAIN) -> None:
        self.partitions, self._events, self._version = partitions, 0, 0
        self.intakes = []
        for number in range(partitions):
            intake = Intake(Table(model), number, partitions, Turns())
            intake.positions = {topic.name: 0 for topic in SOURCES}
            self.intakes.append(intake)
        self.rejects: list[dict[str, Any]] = []

    def give(self, topic: str, key: str, value: dict[str, Any], number: int | None = None) -> None:
        """One record to the partition of its key, or to another."""
        self._fold(partition_of(key, self.partitions) if number is None else number, topic, [orjson.dumps(value)])

    def event(self, kind: str, actor: str, target: str, ts: int = T0, **more: Any) -> str:
        """`actor` and `target` are users of one network; returns the event's id."""
        (network, who), whom = actor.split(":", 1), target.split(":", 1)[1]
        self._events += 1
        event = {"id": str(self._events), "network": network, "actor": who, "target": whom, "ts": ts, **more}
        self.give(TOPIC_OF[kind], actor, event)
        return str(event["id"])

    def link(self, user: str, person: str, ts: int = T0) -> None:
        """An account is one of a person's."""
        self.give(CONTROLS.name, user, {"type": "link", "user": user, "person": person, "ts": ts})

    def unlink(self, user: str, ts: int = T0) -> None:
        """It is none any more."""
        self.give(CONTROLS.name, user, {"type": "unlink", "user": user, "ts": ts})

    def facts(self, user: str, ts: int = T0, **facts: Any) -> None:
        """What is known of a user: name=value."""
        said = {name: None if value is None else {"value": value} for name, value in facts.items()}
        self.give(CONTROLS.name, user, {"type": "facts", "user": user, "ts": ts, "facts": said})

    def hide(self, user: str, topic: str, ts: int = T0, *, hidden: bool = True) -> None:
        """A topic is not shown as one of a user's, or is again."""
        said = {"type": "hide-topic", "user": user, "topic": topic, "ts": ts, "hidden": hidden}
        self.give(CONTROLS.name, user, said)

    def settle(self, order: Sequence[int] | None = None) -> None:
        """Cut and carry until nobody has anything to say; `order` of the partitions of each round."""
        while any(intake.pending or intake.table.dirty.any() for intake in self.intakes):
            for number in order or range(self.partitions):
                for to, record in self.cut(number):
                    self._fold(to, ENGAGEMENTS.name, [record])

    def cut(self, number: int) -> list[tuple[int, bytes]]:
        """One partition's cut: what it sends, (to, record)."""
        intake = self.intakes[number]
        cut = intake.cut()
        intake.table.dirty[:] = 0
        self._version += 1
        self.rejects += [orjson.loads(value) for _, value in cut.rejects]
        sent = [(to, record) for to, pack in cut.packs.items() for record in engagements.encode(pack, cut.clock)]
        for to, some in telling.homes(cut.telling, self.partitions):
            told = lines.encode(cut.telling, some, cut.rows, self._version, cut.clock)
            sent += [(to, record) for record in told]
        return sent

    def table(self, user: str) -> Table:
        """Where a user is at home."""
        return self.intakes[partition_of(user, self.partitions)].table

    def record(self, user: str, now_ms: int = T0) -> dict[str, Any]:
        """The score record of a user; empty: nobody knows them."""
        table = self.table(user)
        slot = table.users.get(user)
        if slot is None:
            return {}
        done = scored(table, np.array([slot]), None, now_ms, 0)
        found: dict[str, Any] = orjson.loads(done.records[0])
        return found

    def records(self, users: Iterable[str], now_ms: int = T0) -> dict[str, dict[str, Any]]:
        """The same of many."""
        return {user: self.record(user, now_ms) for user in users}

    def _fold(self, number: int, topic: str, values: list[bytes]) -> None:
        intake = self.intakes[number]
        at = intake.positions[topic]
        records = [Record(at + i, value) for i, value in enumerate(values)]
        intake.fold(Block(topic, number, at, at + len(records), 1, records), T0 + 400 * 24 * HOUR_MS + MAX_AHEAD_MS)
