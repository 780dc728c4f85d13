"""Outputs of a partition in the simulation: a transactional producer on the log in memory."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.proof.simulation.log import Place
from agents.proof.simulation.process import Process
from streams.partition.ports import Records


class Publisher:
    """`streams.partition.ports.Publisher` on the log in memory."""

    transactional = True

    def __init__(self, process: Process, number: int) -> None:
        self._process, self._id, self._epoch = process, f"clout-{number}", 0
        self._sent: list[asyncio.Future[Any]] = []
        self._last: dict[Place, asyncio.Future[Any]] = {}

    async def start(self) -> None:
        """See Publisher, as all that follows."""
        await self._process.step(f"starts producer {self._id}")
        self._epoch = self._process.faults.broker.initialise(self._id)

    async def begin(self) -> None:
        """Open a transaction."""
        self._process.faults.broker.begin(self._id, self._epoch)

    async def send(self, topic: str, partition: int, records: Records) -> asyncio.Future[Any] | None:
        """Queue records; batches to one partition arrive in order."""
        batch = list(records)
        if not batch:
            return None
        place = topic, partition
        sent = asyncio.ensure_future(self._deliver(place, batch, self._last.get(place)))
        self._last[place] = sent
        self._sent.append(sent)
        random = self._process.faults.random
        await asyncio.sleep(random.expovariate(50) if random.random() < 0.2 else 0)  # the client's buffer may be full
        return sent

    async def _deliver(self, place: Place, batch: list[Any], before: asyncio.Future[Any] | None) -> Any:
        if before:
            await asyncio.wait([before])
        faults = self._process.faults
        await self._process.step(f"sends {len(batch)} to {place}")
        if faults.random.random() < faults.send_fails:
            raise ConnectionError(f"a batch to {place} was not acknowledged")
        offset = faults.broker.append(self._id, self._epoch, place, batch)
        if faults.random.random() < faults.send_fails:
            raise ConnectionError(f"a batch to {place} arrived and was not acknowledged")
        await self._process.step("was acknowledged")
        return _Sent(offset)

    async def commit(self, positions: dict[Place, int], *, last: bool = False) -> None:  # noqa: ARG002
        """Everything or nothing."""
        sent, self._sent, self._last = self._sent, [], {}
        await asyncio.gather(*sent)
        await self._process.step(f"commits {self._id}")
        self._process.faults.broker.commit(self._id, self._epoch, positions)
        await self._process.step(f"has committed {self._id}", worse=10)

    async def stop(self) -> None:
        """Nothing to close."""


class _Sent:
    def __init__(self, offset: int) -> None:
        self.offset = offset
