"""Outputs of a partition in the simulation: a transactional producer on the log in memory."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.proof.simulation.log import Place
from agents.proof.simulation.process import Process
from streams.partition.ports import Records, Written


class Publisher:
    """`streams.partition.ports.Publisher` on the log in memory."""

    transactional = True

    def __init__(self, process: Process, number: int) -> None:
        self._process, self._id, self._epoch = process, f"clout-{number}", 0
        self.busy_s = 0.0
        self._open: dict[Place, list[Any]] = {}
        self._sent: list[asyncio.Future[Any]] = []
        self._last: dict[Place, asyncio.Future[Any]] = {}

    async def start(self) -> None:
        """See Publisher, as all that follows."""
        await self._process.step(f"starts producer {self._id}")
        self._epoch = self._process.faults.broker.initialise(self._id)

    async def begin(self) -> None:
        """Open a transaction."""
        self._process.faults.broker.begin(self._id, self._epoch)

    async def send(self, topic: str, partition: int, records: Records) -> None:
        """Queue records; batches to one partition arrive in order, some before the commit."""
        random, place = self._process.faults.random, (topic, partition)
        self._open.setdefault(place, []).extend(records)
        self.busy_s += random.random() * 0.02  # anything: it decides how long intervals become
        if random.random() < 0.2:
            self._go(place)
            await asyncio.sleep(random.expovariate(50))  # the client's buffer may be full

    def _go(self, place: Place) -> None:
        if batch := self._open.pop(place, None):
            sent = asyncio.ensure_future(self._deliver(place, batch, self._last.get(place)))
            self._last[place] = sent
            self._sent.append(sent)

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
        return place, Written(offset + len(batch))

    async def commit(self, positions: dict[Place, int], *, last: bool = False) -> dict[Place, Written]:  # noqa: ARG002
        """Everything or nothing."""
        for place in list(self._open):
            self._go(place)
        written = dict(await self._arrived())
        await self._process.step(f"commits {self._id}")
        self._process.faults.broker.commit(self._id, self._epoch, positions)
        await self._process.step(f"has committed {self._id}", worse=10)
        return written

    async def _arrived(self) -> list[tuple[Place, Written]]:
        """Whether all of it has arrived is asked for, and where."""
        sent, self._sent, self._last = self._sent, [], {}
        return list(await asyncio.gather(*sent))

    async def stop(self) -> None:
        """Nothing to close."""
