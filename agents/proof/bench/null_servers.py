"""A broker and a Redis that take everything at once and keep nothing: what is left is the cost of the worker itself."""

from __future__ import annotations

import asyncio
from typing import Any

from streams.broker.filled import Batch
from streams.broker.publisher import MAX_BATCH_BYTES
from streams.scoreboard.flush import Flush, Look


class _Stored:
    offset = timestamp = timestamp_type = 0


class Swallow:
    """What a publisher asks of a producer; batches are built as for a broker."""

    def create_batch(self) -> Any:
        """A batch of Kafka's format."""
        return Batch(0, MAX_BATCH_BYTES, transactional=True)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[_Stored]:  # noqa: ARG002
        """Acknowledged before it is sent."""
        batch.close()
        batch._build()
        await asyncio.sleep(0)
        sent = asyncio.get_running_loop().create_future()
        sent.set_result(_Stored())
        return sent

    async def begin_transaction(self) -> None:
        """Nothing."""

    async def send_offsets_to_transaction(self, offsets: Any, group: str) -> None:
        """Nothing."""

    async def commit_transaction(self) -> None:
        """Takes the time that a broker takes."""
        await asyncio.sleep(0.008)

    async def stop(self) -> None:
        """Nothing."""


class Scoreboard:
    """Where scores would be shown: counts what comes, and is always of the version asked for."""

    def __init__(self) -> None:
        self.users = self.closes = self._version = 0
        self.calls: list[tuple[float, int]] = []  #: when, with how many users

    async def write(self, flush: Flush) -> int:
        """As a Redis nearby: a millisecond."""
        await asyncio.sleep(0.001)
        before, self._version = self._version, flush.version
        self.users += len(flush.users)
        self.calls.append((asyncio.get_running_loop().time(), len(flush.users)))
        self.closes += len(flush.closes)
        return before

    async def look(self, partition: int) -> Look:  # noqa: ARG002
        """All is as it was written."""
        return Look(self._version, 0, 0, 0, 0, 0, 0, 0)

    async def lacking(self, partition: int, users: list[str], *, linked: bool = False) -> int:  # noqa: ARG002
        """Nobody is missing."""
        return 0
