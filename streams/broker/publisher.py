"""What leaves a partition: record batches, one interval at a time.

`Publisher` is the seam between a plain broker and one with transactions: `begin`, any number of `send`, `commit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation

from streams.broker.requests import joined_once
from streams.broker.security import connection
from streams.partition.ports import Records, Written
from streams.settings import Settings

COMMIT_S = 1.0
TELL_S = 5.0  # as often as other consumers do by default
_WHY_S = 1.0  # how soon the client has found out why it can do nothing more
#: how long a dead worker can hold up those who read committed; longer than an interval and a pause
TRANSACTION_TIMEOUT_MS = 20_000
Place = tuple[str, int]  #: topic, partition
_APPENDED = 1  # Kafka's LogAppendTime
MAX_BATCH_BYTES = 900_000  # the default of 16 KB makes a large interval nine times slower


class _Batches:
    """Records as batches: one for each partition of a topic, which goes when it is full or when the interval ends."""

    def __init__(self, producer: AIOKafkaProducer, cpu_s: Callable[[], float] = time.thread_time) -> None:
        from streams.broker import filled  # who only feeds loads no compiler

        self._filled = filled
        self._producer, self._cpu_s = producer, cpu_s
        self.busy_s = 0.0  #: see Publisher
        self._open: dict[Place, Any] = {}
        self._sent: dict[Place, list[tuple[int, asyncio.Future[Any]]]] = {}  # records, the batch on its way

    async def send(self, topic: str, partition: int, records: Records) -> None:
        """See Publisher. Waits only when a batch is full: the client has one a partition on its way."""
        place, now_ms, began_s = (topic, partition), int(time.time() * 1000), self._cpu_s()
        for some in self._filled.packed(records):
            done = 0
            while done < len(some):
                batch = self._open[place] = self._open.get(place) or self._filled.opened(self._producer)
                done = batch.fill(some, done, now_ms)
                if done < len(some):
                    self.busy_s += self._cpu_s() - began_s
                    await self._go(place)
                    began_s = self._cpu_s()
        self.busy_s += self._cpu_s() - began_s

    async def _go(self, place: Place) -> None:
        batch = self._open.pop(place)
        sent = await self._producer.send_batch(batch, place[0], partition=place[1])
        self._sent.setdefault(place, []).append((batch.record_count(), sent))

    async def push(self) -> None:
        """Send what is open now."""
        for place in list(self._open):
            await self._go(place)

    async def _arrived(self) -> dict[Place, Written]:
        """Send what is open, and wait until all of it is acknowledged."""
        await self.push()
        sent, self._sent = self._sent, {}
        await asyncio.gather(*(future for batches in sent.values() for _, future in batches))
        return {place: _written(count, future.result()) for place, ((*_, (count, future))) in sent.items()}


def _written(count: int, stored: Any) -> Written:
    stamped = stored.timestamp_type == _APPENDED
    return Written(stored.offset + count, float(stored.timestamp) if stamped else None)


class PlainPublisher(_Batches):
    """Sends as it goes; positions follow once everything is acknowledged. A crash in between sends again."""

    transactional = False

    def __init__(
        self,
        producer: AIOKafkaProducer,
        commit_offsets: Callable[[dict[tuple[str, int], int]], Awaitable[None]],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(producer)
        self._commit_offsets = commit_offsets
        self._monotonic_s, self._committed_s = monotonic_s, 0.0

    async def start(self) -> None:
        """Nothing of its own to open: the producer belongs to the worker."""

    async def begin(self) -> None:
        """Nothing to open."""

    async def commit(self, positions: dict[Place, int], *, last: bool = False) -> dict[Place, Written]:
        """See Publisher. Offsets are told once a second: a commit costs the broker as much as a batch."""
        written = await self._arrived()
        now_s = self._monotonic_s()
        if last or now_s - self._committed_s >= COMMIT_S:
            await self._commit_offsets(positions)
            self._committed_s = now_s
        return written

    async def stop(self) -> None:
        """Nothing of its own to close: the producer belongs to the worker."""


class TransactionalPublisher(_Batches):
    """One Kafka transaction an interval: outputs, rows and offsets become visible together or not at all.

    The transactional id is the partition's: starting a second producer of that id aborts what the first left open and
    fences it. Any error ends the worker; nothing is retried beyond what the client does.
    """

    transactional = True

    def __init__(
        self,
        producer: AIOKafkaProducer,
        group: str,
        monotonic_s: Callable[[], float] = time.monotonic,
        cpu_s: Callable[[], float] = time.thread_time,
    ) -> None:
        super().__init__(producer, cpu_s)
        self._group, self._monotonic_s, self._told_s = group, monotonic_s, -TELL_S

    async def start(self) -> None:
        """Connect: fences the predecessor and aborts what it left open."""
        await self._producer.start()

    async def begin(self) -> None:
        """See Publisher."""
        async with fenced_by(self._producer):
            await self._producer.begin_transaction()

    async def send(self, topic: str, partition: int, records: Records) -> None:
        """See Publisher."""
        async with fenced_by(self._producer):
            await super().send(topic, partition, records)

    async def commit(self, positions: dict[Place, int], *, last: bool = False) -> dict[Place, Written]:
        """See Publisher. The group is told now and then: that is as dear as a commit, and the header is what counts."""
        now_s = self._monotonic_s()
        async with fenced_by(self._producer):
            written = await self._arrived()
            if positions and (last or now_s - self._told_s >= TELL_S):
                offsets = {TopicPartition(topic, partition): at for (topic, partition), at in positions.items()}
                await self._producer.send_offsets_to_transaction(offsets, self._group)
                self._told_s = now_s
            await self._producer.commit_transaction()
        return written

    async def abort(self) -> None:
        """Nobody who reads committed will see what was sent since `begin`."""
        sent, self._sent, self._open = self._sent, {}, {}
        await asyncio.gather(*(future for batches in sent.values() for _, future in batches), return_exceptions=True)
        await self._producer.abort_transaction()

    async def stop(self) -> None:
        """Close the partition's own producer."""
        await self._producer.stop()


@contextlib.asynccontextmanager
async def fenced_by(producer: AIOKafkaProducer) -> AsyncIterator[None]:
    """A client that was fenced by the way says only that it is in no transaction; why, it tells who waits for its end."""
    try:
        yield
    except (IllegalOperation, AssertionError):
        if producer._txn_manager is None:
            raise
        ended = asyncio.ensure_future(producer._txn_manager.wait_for_transaction_end())
        await asyncio.wait([ended], timeout=_WHY_S)
        if ended.done() and not ended.cancelled() and (reason := ended.exception()):
            raise reason from None
        raise


def transactional_producer(
    settings: Settings, transactional_id: str, timeout_ms: int = TRANSACTION_TIMEOUT_MS
) -> AIOKafkaProducer:
    """The producer of one partition. Its start fences the predecessor."""
    return joined_once(
        AIOKafkaProducer(**_common(settings), transactional_id=transactional_id, transaction_timeout_ms=timeout_ms)
    )


def plain_producer(settings: Settings) -> AIOKafkaProducer:
    """One producer for all partitions of a worker."""
    return joined_once(AIOKafkaProducer(**_common(settings), acks="all", enable_idempotence=False))


def _common(settings: Settings) -> dict[str, Any]:
    return {
        **connection(settings),
        "compression_type": None if settings.compression == "none" else settings.compression,
        "max_batch_size": MAX_BATCH_BYTES,
        "max_request_size": 4_000_000,
        "linger_ms": 0,
    }
