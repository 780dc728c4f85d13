"""Producing events to the topics: fast, in the order given for each key, with smooth pacing. For feeds, the demo and benchmarks.

Every partition of every topic is a lane with one batch on its way at a time. What arrives meanwhile becomes the next batch:
a slow feed goes out at once, a fast one in large batches, and nothing overtakes anything. About 4 us of CPU an event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Self

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from agents.feeds.pace import TURN, Pace
from streams.broker.allowed import denied
from streams.broker.diagnosis import down
from streams.broker.publisher import plain_producer
from streams.errors import CloutError, DependencyDown
from streams.partitioner import partition_of
from streams.rights import WRITE
from streams.settings import Settings
from streams.sources.record import Produced

# waiting or on the way; with the largest record still far below the 100 MB that a broker takes in one request
MOST_BYTES = 16_000_000
MOST_RECORDS = 50_000
STOP_S = 5.0
_OVERHEAD_BYTES = 32  # what a record takes beside key and value, roughly

#: errors of a broker that concern the records sent, not the broker
_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)

_WHY = "larger than the topic's max.message.bytes; an event is a few hundred bytes"

_Waiting = tuple[int, bytes | None, bytes]


class Refused(NamedTuple):
    """A record that the broker did not take. `number` counts from 1 in the order of sending."""

    number: int
    topic: str
    size_bytes: int
    reason: str

    def __str__(self) -> str:
        return f"record {self.number} ({self.size_bytes:,} bytes) was refused by topic {self.topic}: {self.reason}"


class _Lane:
    __slots__ = ("base", "on_its_way", "partition", "task", "topic", "waiting")

    def __init__(self, base: str, topic: str, partition: int) -> None:
        self.base, self.topic, self.partition = base, topic, partition
        self.waiting: deque[_Waiting] = deque()
        self.on_its_way: list[_Waiting] = []
        self.task: asyncio.Task[None] | None = None


class Feeder:
    """Sends records to the topics of `settings`, keyed by actor, at the partition Kafka's own partitioner would choose.

    Counters: `sent` records taken over, `acked` acknowledged ones by base topic, `refused` ones. A refused record costs
    itself only; `on_refused` is told at once. `send` and `flush` raise DependencyDown when the broker has gone,
    NotAllowed when it denies this user a topic.
    The record timestamp is the time of sending: by their event time old events would fall to retention at once.
    """

    def __init__(self, settings: Settings, *, on_refused: Callable[[Refused], None] | None = None) -> None:
        self._settings = settings
        self._on_refused = on_refused
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._held_bytes = self._held = 0
        self._failure: CloutError | None = None
        self.sent = 0
        self.acked: Counter[str] = Counter()
        self.refused = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect. Raises DependencyDown when there is no Kafka."""
        self._producer: Any = plain_producer(self._settings)
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            with contextlib.suppress(KafkaError, OSError):
                await self._producer.stop()
            said = f"Kafka at {self._settings.kafka} does not answer in time ({type(error).__name__}); try again, see its log"
            raise await asyncio.to_thread(down, self._settings, said) from None

    async def send(self, record: Produced) -> None:
        """Take over one record; waits while too much is on its way. `flush` tells when it has arrived."""
        self.put(record)
        if self._held_bytes > MOST_BYTES or self._held > MOST_RECORDS:
            await self._wait_for_room()
        elif not self.sent % TURN:
            await asyncio.sleep(0)

    def put(self, record: Produced) -> None:
        """Take over one record without waiting: for those who bound what they send, or wait now and then in `room`."""
        if self._failure:
            raise self._failure
        base, key, value, _ = record
        self.sent += 1
        at = (base, partition_of(key, self._settings.partitions))
        lane = self._lanes.get(at)
        if lane is None:
            lane = self._lanes[at] = _Lane(base, self._settings.topic(base), at[1])
        lane.waiting.append((self.sent, key or None, value))
        self._held += 1
        self._held_bytes += len(key) + len(value) + _OVERHEAD_BYTES
        if lane.task is None:
            lane.task = asyncio.create_task(self._run(lane))
            self._running.add(lane.task)

    async def room(self) -> None:
        """Give the network a turn, and wait until not too much is on its way."""
        if self._held_bytes > MOST_BYTES or self._held > MOST_RECORDS:
            await self._wait_for_room()
        else:
            await asyncio.sleep(0)

    async def flush(self) -> None:
        """Return once everything sent is acknowledged or refused."""
        while self._running:
            await asyncio.wait(self._running)
        if self._failure:
            raise self._failure

    @property
    def unsettled(self) -> int:
        """The number of the first record, in the order of sending from 1, that is neither acknowledged nor refused."""
        firsts = [some[0][0] for lane in self._lanes.values() for some in (lane.on_its_way, lane.waiting) if some]
        return min(firsts, default=self.sent + 1)

    @property
    def uncertain(self) -> int:
        """How many records were on their way when it broke off: they may have arrived."""
        return sum(len(lane.on_its_way) for lane in self._lanes.values())

    async def stop(self) -> None:
        """Wait a moment for what is on its way, then disconnect. Call `flush` before to be sure."""
        if self._running and not self._failure:
            await asyncio.wait(self._running, timeout=STOP_S)
        for task in self._running:
            task.cancel()
        with contextlib.suppress(TimeoutError, KafkaError, OSError):
            await asyncio.wait_for(self._producer.stop(), STOP_S)

    async def _wait_for_room(self) -> None:
        while (self._held_bytes > MOST_BYTES or self._held > MOST_RECORDS) and not self._failure:
            self._room.clear()
            await self._room.wait()
        if self._failure:
            raise self._failure

    async def _run(self, lane: _Lane) -> None:
        """Send what waits in a lane, batch after batch, until nothing does."""
        try:
            while lane.waiting and not self._failure:
                records, batch = self._batch(lane.waiting)
                lane.on_its_way = records
                await self._deliver(lane, records, batch)
                lane.on_its_way = []
        except (KafkaError, OSError) as error:
            self._failure = denied(error, WRITE, lane.topic) or DependencyDown(
                f"Kafka at {self._settings.kafka} stopped taking records ({type(error).__name__}: {error}) after "
                f"{self.acked.total():,} were acknowledged; look at the broker"
            )
        finally:
            self._running.discard(lane.task)
            lane.task = None
            self._room.set()

    def _batch(self, waiting: deque[_Waiting]) -> tuple[list[_Waiting], Any]:
        """As many of the waiting records as fit into one batch; at least one."""
        batch = self._producer.create_batch()
        append, records = batch.append, []
        while waiting:
            _, key, value = waiting[0]
            if append(timestamp=None, key=key, value=value) is None:
                break
            records.append(waiting.popleft())
        return records, batch

    async def _deliver(self, lane: _Lane, records: list[_Waiting], batch: Any) -> None:
        try:
            await (await self._producer.send_batch(batch, lane.topic, partition=lane.partition))
        except _REFUSALS:
            if len(records) > 1:  # one of them is to blame: find out which, the others go through, in their order
                for record in records:
                    await self._deliver(lane, *self._batch(deque([record])))
                return
            number, key, value = records[0]
            refused = Refused(number, lane.topic, len(key or b"") + len(value), _WHY)
            self.refused += 1
            if self._on_refused:
                self._on_refused(refused)
        else:
            self.acked[lane.base] += len(records)
        self._held -= len(records)
        self._held_bytes -= sum(len(key or b"") + len(value) + _OVERHEAD_BYTES for _, key, value in records)
        self._room.set()


async def feed(
    feeder: Feeder,
    records: Iterable[Produced],
    *,
    rate: float | None = None,
    limit: int | None = None,
    until: Callable[[], bool] = lambda: False,
    on_turn: Callable[[], None] | None = None,
) -> int:
    """Send records in their order until they end, `limit` is reached or `until()` is true; then flush. Returns how many.

    A record is taken from `records` just before it is sent, so a source with a clock stamps it then. `on_turn` is called
    after each burst, for progress. `records` is iterated on the event loop: for pipes that trickle use `arriving`.
    """
    source: Iterator[Produced] = iter(records)
    pace, sent = Pace(rate), 0
    try:
        while not until() and (limit is None or sent < limit):
            n = await pace.turn()
            before = sent
            for record in islice(source, n if limit is None else min(n, limit - sent)):
                feeder.put(record)
                sent += 1
            if sent == before:
                break
            await feeder.room()
            if on_turn:
                on_turn()
    finally:
        await feeder.flush()
    return sent
