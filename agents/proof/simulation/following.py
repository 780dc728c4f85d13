"""What a worker of the simulation knows of `policies`: all there is when it begins, and later ones with a delay of its own."""

from __future__ import annotations

import asyncio

from agents.proof.simulation import rules
from agents.proof.simulation.process import Process
from streams.policies.book import Book
from streams.topics import POLICIES

_AT_ONCE = 2  # records


class Following:
    """As `agents.worker.policies.Following`, on the log in memory."""

    def __init__(self, process: Process) -> None:
        self._process, self._faults = process, process.faults
        self._policies, self._at = rules.begun(process.faults.settings), 0
        self._late_s = process.faults.rules_random.choice((0.01, 0.3, 2.0))
        process.faults.broker.hear[POLICIES.name, 0].append(self.hear)
        while self._read():  # before it joins
            pass

    def book(self) -> Book:
        """As far as it was read."""
        return self._policies.book()

    def hear(self) -> None:
        """There is a new policy: it is read some time later, and not while the process is stopped."""
        late_s = self._faults.rules_random.expovariate(1 / self._late_s)
        asyncio.get_running_loop().call_later(late_s, self._heard)

    def _heard(self) -> None:
        if self._process.alive and (self._process.paused or self._read()):
            self.hear()

    def _read(self) -> bool:
        """A few of them; are there more?"""
        records, self._at = self._faults.policies.read(self._at, _AT_ONCE)
        for record in records:
            self._policies.read(record.offset, record.key, record.value)
        return self._at < self._faults.policies.end()
