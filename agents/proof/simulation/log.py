"""A Kafka in memory: logs with gaps, transactions with fencing and markers, the offsets of one group."""

from __future__ import annotations

import asyncio
import bisect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from aiokafka.errors import ProducerFenced

Place = tuple[str, int]  #: topic, partition


class Record(NamedTuple):
    """As a consumer sees it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[()] = ()


@dataclass(eq=False)
class Transaction:
    """Open until it is decided."""

    state: str = "open"
    begins: dict[Place, int] = field(default_factory=dict)


class _Entry(NamedTuple):
    record: Record | None  # None: a marker
    offset: int
    transaction: Transaction | None


class Log:
    """One partition of one topic."""

    def __init__(self, random: Random) -> None:
        self._entries: list[_Entry] = []
        self._offsets: list[int] = []
        self._next, self._random = 0, random
        self.open: dict[Transaction, int] = {}
        self.topic_id = "1"

    def append(self, key: bytes | None, value: bytes | None, transaction: Transaction | None = None) -> int:
        """Returns the offset. Now and then offsets are left out, as compaction does."""
        if not transaction and self._random.random() < 0.1:
            self._next += self._random.randint(1, 3)
        return self._add(Record(self._next, key, value), transaction)

    def mark(self, transaction: Transaction) -> None:
        """The marker of a transaction that is decided takes an offset."""
        self.open.pop(transaction, None)
        self._add(None, transaction)

    def _add(self, record: Record | None, transaction: Transaction | None) -> int:
        offset = self._next
        self._entries.append(_Entry(record, offset, transaction))
        self._offsets.append(offset)
        self._next += 1
        return offset

    def end(self, *, committed: bool = True) -> int:
        """The last stable offset, or the end of everything."""
        return min([self._next, *self.open.values()]) if committed else self._next

    def read(self, position: int, most: int, *, committed: bool = True) -> tuple[list[Record], int]:
        """Up to `most` records from a position, and the position behind what was looked at."""
        records: list[Record] = []
        end = self.end(committed=committed)
        for entry in self._entries[bisect.bisect_left(self._offsets, position) :]:
            if entry.offset >= end or len(records) == most:
                break
            position = entry.offset + 1
            aborted = committed and entry.transaction and entry.transaction.state == "aborted"
            if entry.record and not aborted:
                records.append(entry.record)
        return records, position

    def all(self) -> list[Record]:
        """Everything committed."""
        return self.read(0, 1 << 60)[0]


class Broker:
    """All logs, the transaction coordinator, the group's offsets."""

    def __init__(self, topics: list[str], partitions: int, random: Random) -> None:
        self.logs = {(topic, number): Log(random) for topic in topics for number in range(partitions)}
        self.offsets: dict[Place, int] = {}
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self.hear: defaultdict[Place, list[Callable[[], None]]] = defaultdict(list)  #: who hears of transactions there

    def news(self) -> asyncio.Future[None]:
        """Done when there is something new to read."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return waiting

    def changed(self) -> None:
        """There is."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    def produce(self, place: Place, key: bytes | None, value: bytes | None) -> None:
        """An event from outside."""
        self.logs[place].append(key, value)
        self.changed()

    def initialise(self, producer: str) -> int:
        """A new producer of this id: fences the one before and aborts what it left open. Returns the epoch."""
        self._decide(producer, "aborted")
        self._epochs[producer] = self._epochs.get(producer, 0) + 1
        return self._epochs[producer]

    def begin(self, producer: str, epoch: int) -> None:
        """Open a transaction."""
        self._check(producer, epoch)
        self._open[producer] = Transaction()

    def append(self, producer: str, epoch: int, place: Place, records: list[tuple[bytes | None, bytes]]) -> int:
        """Append a batch to the open transaction; returns the offset of its first record."""
        self._check(producer, epoch)
        log, transaction = self.logs[place], self._open[producer]
        offsets = [log.append(key, value, transaction) for key, value in records]
        log.open.setdefault(transaction, offsets[0])
        transaction.begins.setdefault(place, offsets[0])
        return offsets[0]

    def commit(self, producer: str, epoch: int, offsets: dict[Place, int]) -> None:
        """Make it visible, offsets with it."""
        self._check(producer, epoch)
        self.offsets |= offsets
        self._decide(producer, "committed")

    def _check(self, producer: str, epoch: int) -> None:
        if self._epochs[producer] != epoch:
            raise ProducerFenced

    def _decide(self, producer: str, state: str) -> None:
        transaction = self._open.pop(producer, None)
        if transaction:
            transaction.state = state
            for place in transaction.begins:
                self.logs[place].mark(transaction)
                for hear in self.hear[place]:
                    hear()
            self.changed()
