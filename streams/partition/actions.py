"""Stage 1 of a partition, keyed by actor: parse events, find their actors, weigh what they do, send it to its target's home."""

from __future__ import annotations

from typing import Any

from streams.events import Reject
from streams.formats import strays
from streams.formats.rejects import Origin
from streams.formats.strays import Stray
from streams.model.acting import act
from streams.model.engagements import Outbox, Pack
from streams.model.parsed import Parsed
from streams.model.table import Table
from streams.model.texts import Texts
from streams.partition.counting import Counting
from streams.partition.fetched import Fetched
from streams.partition.rejected import Rejected
from streams.topics import KIND_OF


class Actions:
    """Events and strays in; engagements by home partition, and strays on their way, out."""

    def __init__(
        self, table: Table, number: int, partitions: int, rejected: Rejected, counting: Counting | None = None
    ) -> None:
        """`counting` is told of every event whose actor is at home here."""
        self._counting = counting
        self._table, self._number, self._partitions, self._rejected = table, number, partitions, rejected
        self._waiting = Parsed()
        self._out = Outbox(partitions)
        self._strays: dict[int, list[Stray]] = {}
        self.careful = False  #: see Intake

    def begins(self, topic: str) -> None:
        """Records of `topic` (base name) follow: events of different topics are put in time order before they act."""
        self._waiting.begins(topic)

    def events(self, full: str, topic: str, records: Fetched, newest_ms: int) -> None:
        """Records of an event topic, whose full name is `full`. Whose actor lives elsewhere goes on as a stray."""
        kind, first = KIND_OF[topic], len(self._waiting)
        for i, reject in self._waiting.add(records.values, kind, newest_ms, careful=self.careful):
            self._rejected.event(full, records[i], reject)
        for i in self._astray(first):
            origin = Origin(full, self._number, records[i].offset)
            home = self._waiting.home(first + i, self._partitions)
            self._strays.setdefault(home, []).append(Stray(kind, origin, records[i].value))
            self._table.counts.strays += 1

    def strays(self, full: str, records: Any, newest_ms: int) -> None:
        """Records of `strays`: events that another partition has sent on."""
        for record in records:
            try:
                arrived = strays.decode(record.value or b"")
            except ValueError as error:
                self._rejected.pack(full, record, error)
                continue
            for stray in arrived:
                first, value = len(self._waiting), Texts.of([stray.value])
                for _, reject in self._waiting.add(value, stray.kind, newest_ms, careful=self.careful):
                    self._rejected.add(reject, stray.origin, stray.value)
                if self._astray(first):
                    why = f"still not its actor's partition; do all workers have {self._partitions} partitions?"
                    self._rejected.add(Reject("astray_twice", "$.actor", why), stray.origin, stray.value)

    def _astray(self, first: int) -> list[int]:
        return self._waiting.find_actors(self._table, first, self._partitions, self._number)

    def act(self) -> None:
        """Let those act that came since the last call. What they do is sorted by home now: nobody waits long for the cut."""
        lines = self._waiting.in_time_order()
        if self._counting:
            self._counting.add(self._table, *self._waiting.of(lines))
        act(self._table, self._waiting, lines, self._out)
        self._waiting.clear()

    def take(self) -> tuple[dict[int, Pack], dict[int, list[Stray]]]:
        """Engagements and strays by destination partition; the next cut begins with none."""
        astray, self._strays = self._strays, {}
        return self._out.take(), astray
