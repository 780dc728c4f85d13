"""What leaves a partition: record batches, one interval at a time.

`Publisher` is the seam between a plain broker and one with transactions: `begin`, any number of `send`, `commit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation

from streams.broker.batches import fill
from streams.broker.security import connection
from streams.partition.ports import Records, Sent
from streams.settings import Settings

COMMIT_S = 1.0
TELL_S = 5.0  # as often as other consumers do by default
_WHY_S = 1.0  # how soon the client has found out why it can do nothing more
#: how long a dead worker can hold up those who read committed; longer than an interval and a pause
TRANSACTION_TIMEOUT_MS = 20_000
MAX_BATCH_BYTES = 900_000  # the default of 16 KB makes a large interval nine times slower


class _Batches:
    """Sends records as batches and remembers what is on its way."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._sent: list[asyncio.Future[Any]] = []

    async def send(self, topic: str, partition: int, records: Records) -> Sent | None:
        """See Publisher."""
        waiting, now_ms = iter(records), int(time.time() * 1000)
        batch = self._producer.create_batch()
        sent: Sent | None = None
        left = fill(batch, waiting, now_ms)
        while left:
            sent = await self._send(batch, topic, partition)
            batch = self._producer.create_batch()
            left = fill(batch, itertools.chain((left,), waiting), now_ms)
        return await self._send(batch, topic, partition) if batch.record_count() else sent

    async def _send(self, batch: Any, topic: str, partition: int) -> Sent:
        sent: Sent = await self._producer.send_batch(batch, topic, partition=partition)
        self._sent.append(sent)
        return sent

    async def _arrived(self) -> None:
        sent, self._sent = self._sent, []
        await asyncio.gather(*sent)


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

    async def commit(self, positions: dict[tuple[str, int], int], *, last: bool = False) -> None:
        """See Publisher. Offsets are told once a second: a commit costs the broker as much as a batch."""
        await self._arrived()
        now_s = self._monotonic_s()
        if last or now_s - self._committed_s >= COMMIT_S:
            await self._commit_offsets(positions)
            self._committed_s = now_s

    async def stop(self) -> None:
        """Nothing of its own to close: the producer belongs to the worker."""


class TransactionalPublisher(_Batches):
    """One Kafka transaction an interval: outputs, rows and offsets become visible together or not at all.

    The transactional id is the partition's: starting a second producer of that id aborts what the first left open and
    fences it. Any error ends the worker; nothing is retried beyond what the client does.
    """

    transactional = True

    def __init__(
        self, producer: AIOKafkaProducer, group: str, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(producer)
        self._group, self._monotonic_s, self._told_s = group, monotonic_s, -TELL_S

    async def start(self) -> None:
        """Connect: fences the predecessor and aborts what it left open."""
        await self._producer.start()

    async def begin(self) -> None:
        """See Publisher."""
        async with self._why():
            await self._producer.begin_transaction()

    async def send(self, topic: str, partition: int, records: Records) -> Sent | None:
        """See Publisher."""
        async with self._why():
            return await super().send(topic, partition, records)

    async def commit(self, positions: dict[tuple[str, int], int], *, last: bool = False) -> None:
        """See Publisher. The group is told now and then: that is as dear as a commit, and the header is what counts."""
        await self._arrived()
        now_s = self._monotonic_s()
        async with self._why():
            if positions and (last or now_s - self._told_s >= TELL_S):
                offsets = {TopicPartition(topic, partition): at for (topic, partition), at in positions.items()}
                await self._producer.send_offsets_to_transaction(offsets, self._group)
                self._told_s = now_s
            await self._producer.commit_transaction()

    @contextlib.asynccontextmanager
    async def _why(self) -> AsyncIterator[None]:
        """A client that was fenced by the way says only that it is in no transaction; why, it tells who waits for its end."""
        try:
            yield
        except (IllegalOperation, AssertionError):
            ended = asyncio.ensure_future(self._producer._txn_manager.wait_for_transaction_end())
            await asyncio.wait([ended], timeout=_WHY_S)
            if ended.done() and not ended.cancelled() and (reason := ended.exception()):
                raise reason from None
            raise

    async def abort(self) -> None:
        """Nobody who reads committed will see what was sent since `begin`."""
        sent, self._sent = self._sent, []
        await asyncio.gather(*sent, return_exceptions=True)
        await self._producer.abort_transaction()

    async def stop(self) -> None:
        """Close the partition's own producer."""
        await self._producer.stop()


def transactional_producer(
    settings: Settings, transactional_id: str, timeout_ms: int = TRANSACTION_TIMEOUT_MS
) -> AIOKafkaProducer:
    """The producer of one partition. Its start fences the predecessor."""
    return AIOKafkaProducer(**_common(settings), transactional_id=transactional_id, transaction_timeout_ms=timeout_ms)


def plain_producer(settings: Settings) -> AIOKafkaProducer:
    """One producer for all partitions of a worker."""
    return AIOKafkaProducer(**_common(settings), acks="all", enable_idempotence=False)


def _common(settings: Settings) -> dict[str, Any]:
    return {
        **connection(settings),
        "compression_type": None if settings.compression == "none" else settings.compression,
        "max_batch_size": MAX_BATCH_BYTES,
        "max_request_size": 4_000_000,
        "linger_ms": 0,
    }
