"""What leaves a partition: record batches, one interval at a time.

`Publisher` is the seam between a plain broker and one with transactions: `begin`, any number of `send`, `commit`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

Records = Iterable[tuple[bytes | None, bytes]]

COMMIT_S = 1.0
MAX_BATCH_BYTES = 900_000  # the default of 16 KB makes a large interval nine times slower


class Publisher(Protocol):
    """Outputs of one partition. One interval is open at a time."""

    async def begin(self) -> None:
        """Open an interval."""

    async def send(self, topic: str, partition: int, records: Records) -> None:
        """Queue (key, value) records for one partition of a topic, in order."""

    async def commit(self, positions: dict[tuple[str, int], int], *, last: bool = False) -> None:
        """Close the interval: returns when everything sent is acknowledged.

        `positions` maps (topic, partition) to the next offset to read; with the `last` interval of a partition the group
        knows them when this returns. Raises when anything failed.
        """


class PlainPublisher:
    """Sends as it goes; positions follow once everything is acknowledged. A crash in between sends again."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        commit_offsets: Callable[[dict[tuple[str, int], int]], Awaitable[None]],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._producer = producer
        self._commit_offsets = commit_offsets
        self._monotonic_s, self._committed_s = monotonic_s, 0.0
        self._sent: list[asyncio.Future[Any]] = []

    async def begin(self) -> None:
        """Nothing to open."""

    async def send(self, topic: str, partition: int, records: Records) -> None:
        """See Publisher."""
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                await self._send(batch, topic, partition)
                batch = self._producer.create_batch()
                if batch.append(key=key, value=value, timestamp=None) is None:
                    raise ValueError(f"a record of {len(value)} bytes for {topic} does not fit into a batch")
        await self._send(batch, topic, partition)

    async def _send(self, batch: Any, topic: str, partition: int) -> None:
        if batch.record_count():
            self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))

    async def commit(self, positions: dict[tuple[str, int], int], *, last: bool = False) -> None:
        """See Publisher. Offsets are told once a second: a commit costs the broker as much as a batch."""
        sent, self._sent = self._sent, []
        await asyncio.gather(*sent)
        now_s = self._monotonic_s()
        if last or now_s - self._committed_s >= COMMIT_S:
            await self._commit_offsets(positions)
            self._committed_s = now_s


def plain_producer(brokers: str) -> AIOKafkaProducer:
    """One producer for all partitions of a worker."""
    return AIOKafkaProducer(
        bootstrap_servers=brokers.split(","),
        acks="all",
        max_batch_size=MAX_BATCH_BYTES,
        max_request_size=4_000_000,
        linger_ms=0,
        enable_idempotence=False,
    )
