"""Stage 1 of a partition, keyed by actor: parse events, find their actors, weigh what they do, send it to its target's home."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streams.events import KINDS, Event, Reject, parse
from streams.formats import strays
from streams.formats.rejects import Origin
from streams.formats.strays import Stray
from streams.model import engagements
from streams.model.acting import act
from streams.model.engagements import Pack
from streams.model.table import Table
from streams.partition.rejected import Rejected
from streams.partitioner import partition_of, partitions_of
from streams.topics import KIND_OF


class _Events(NamedTuple):
    """Events on their way into `act`, with their kinds and their actors' slots."""

    events: list[Event]
    kinds: list[int]
    slots: list[int]
    topics: list[tuple[str, int]]  #: where the events of a topic begin, block by block

    def in_time_order(self) -> tuple[list[Event], list[int], list[int]]:
        """Events, kinds and slots by event time, each topic in its own order."""
        n, starts = len(self.events), [at for _, at in self.topics]
        if len({name for name, _ in self.topics}) < 2 or n < 2:
            return self.events, self.kinds, self.slots
        times = np.fromiter((event.ts for event in self.events), np.int64, n)
        reached: dict[str, int] = {}
        for (name, start), end in zip(self.topics, [*starts[1:], n], strict=True):
            if start < end:  # a late event stays behind those that its topic has before it
                part = np.maximum.accumulate(times[start:end])
                times[start:end] = np.maximum(part, reached.get(name, 0))
                reached[name] = int(times[end - 1])
        order = np.argsort(times, kind="stable").tolist()
        return [self.events[i] for i in order], [self.kinds[i] for i in order], [self.slots[i] for i in order]


class Actions:
    """Events and strays in; engagements by home partition, and strays on their way, out."""

    def __init__(self, table: Table, number: int, partitions: int, rejected: Rejected) -> None:
        self._table, self._number, self._partitions, self._rejected = table, number, partitions, rejected
        self._waiting = _Events([], [], [], [])
        self._packs: dict[int, Pack] = {}
        self._strays: dict[int, list[Stray]] = {}

    def begins(self, topic: str) -> None:
        """Records of `topic` (base name) follow: events of different topics are put in time order before they act."""
        self._waiting.topics.append((topic, len(self._waiting.events)))

    def events(self, full: str, topic: str, records: Any, newest_ms: int) -> None:
        """Records of an event topic, whose full name is `full`. Whose actor lives elsewhere goes on as a stray."""
        kind = KIND_OF[topic]
        name = KINDS[kind]
        parsed = [parse(record.value, name, newest_ms) for record in records]
        if Reject in map(type, parsed):
            for record, event in zip(records, parsed, strict=True):
                if isinstance(event, Reject):
                    self._rejected.event(full, record, event)
            records = [record for record, event in zip(records, parsed, strict=True) if isinstance(event, Event)]
        good = [event for event in parsed if isinstance(event, Event)]
        users = [f"{event.network}:{event.actor}" for event in good]
        slots = self._table.users.find(users)
        if None in slots:  # whoever has a row is at home here; only newcomers can be astray
            for i, slot in enumerate(slots):
                if slot is None:
                    home = partition_of(users[i], self._partitions)
                    if home == self._number:
                        slots[i] = self._table.slot(users[i])
                    else:
                        origin = Origin(full, self._number, records[i].offset)
                        self._strays.setdefault(home, []).append(Stray(kind, origin, records[i].value))
                        self._table.counts.strays += 1
            good = [event for event, slot in zip(good, slots, strict=True) if slot is not None]
        self._waiting.events.extend(good)
        self._waiting.kinds.extend([kind] * len(good))
        self._waiting.slots.extend([slot for slot in slots if slot is not None])

    def strays(self, full: str, records: Any, newest_ms: int) -> None:
        """Records of `strays`: events that another partition has sent on."""
        for record in records:
            try:
                arrived = strays.decode(record.value or b"")
            except ValueError as error:
                self._rejected.pack(full, record, error)
                continue
            for stray in arrived:
                event = parse(stray.value, KINDS[stray.kind], newest_ms)
                if isinstance(event, Reject):
                    self._rejected.add(event, stray.origin, stray.value)
                    continue
                user = f"{event.network}:{event.actor}"
                if partition_of(user, self._partitions) != self._number:
                    why = f"still not its actor's partition; do all workers have {self._partitions} partitions?"
                    self._rejected.add(Reject("astray_twice", "$.actor", why), stray.origin, stray.value)
                    continue
                self._waiting.events.append(event)
                self._waiting.kinds.append(stray.kind)
                self._waiting.slots.append(self._table.slot(user))

    def newest_ms(self) -> int:
        """The newest event time of those that wait to act; 0 when none does."""
        return max((event.ts for event in self._waiting.events), default=0)

    def act(self) -> None:
        """Let those act that came since the last call. What they do is sorted by home now: nobody waits long for the cut."""
        waiting, self._waiting = self._waiting, _Events([], [], [], [])
        weighed = Pack()
        act(self._table, *waiting.in_time_order(), weighed)
        if not len(weighed):
            return
        for home, part in engagements.split(weighed, partitions_of(weighed.targets, self._partitions)).items():
            if home in self._packs:
                self._packs[home].extend(part)
            else:
                self._packs[home] = part

    def take(self) -> tuple[dict[int, Pack], dict[int, list[Stray]]]:
        """Engagements and strays by destination partition; the next cut begins with none."""
        packs, self._packs = self._packs, {}
        astray, self._strays = self._strays, {}
        return packs, astray
