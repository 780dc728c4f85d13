"""A consumer group in memory: eager rebalances of whoever has joined, sessions that time out, zombies that do not know it yet."""

from __future__ import annotations

import asyncio

from agents.proof.simulation.faults import Faults
from agents.proof.simulation.worker import Worker


class Group:
    """Members are told to let go, then each is given numbers, then each takes over; a new change starts that over."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.members: list[Worker] = []
        self._wanted = asyncio.Event()
        self.settled = True
        self._waking: set[Worker] = set()

    def join(self, worker: Worker) -> None:
        """A member more."""
        self.members.append(worker)
        self.rebalance()

    def gone(self, worker: Worker) -> None:
        """A member less, once its session is over."""
        if worker in self.members:
            asyncio.get_running_loop().call_later(self._faults.session_s, self._evict, worker)

    def leave(self, worker: Worker) -> None:
        """A member less, at once."""
        if worker in self.members:
            self._evict(worker)

    def _evict(self, worker: Worker) -> None:
        if worker in self.members:
            self.members.remove(worker)
            self.rebalance()

    def stop(self, worker: Worker) -> None:
        """As by SIGSTOP and, perhaps long after its session is over, SIGCONT."""
        self._faults.say(f"{worker.name} is stopped")
        worker.pause()
        self._watch(worker)
        asyncio.get_running_loop().call_later(self._faults.random.uniform(0.1, 4.0), worker.resume)

    def _watch(self, worker: Worker) -> None:
        """It has stopped: unless it goes on before its session is over, it is replaced, and learns that when it wakes."""

        def over() -> None:
            if worker.paused and worker in self.members:
                self._faults.say(f"{worker.name} is silent for too long")
                self._evict(worker)
                worker.spawn(self._wake(worker))

        asyncio.get_running_loop().call_later(self._faults.session_s, over)

    async def _wake(self, worker: Worker) -> None:
        if worker in self._waking:
            return
        self._waking.add(worker)
        await worker.step("wakes")
        await self._let_go(worker)
        self._waking.remove(worker)
        if worker.alive and worker not in self.members:
            self.join(worker)

    def rebalance(self) -> None:
        """Something has changed."""
        self.settled = False
        self._wanted.set()

    async def run(self) -> None:
        """One rebalance after the other."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._revoke()
            if self._wanted.is_set():
                continue  # the members have changed again
            self._assign()
            self.settled = not self._wanted.is_set()

    async def _revoke(self) -> None:
        letting_go = {worker.spawn(self._let_go(worker)): worker for worker in self.members if worker.alive}
        if not letting_go:
            return
        _, late = await asyncio.wait(letting_go, timeout=self._faults.session_s)
        for task in late:  # stopped, or too slow: the others go on without it; it learns that when it wakes
            worker = letting_go[task]
            self._faults.say(f"{worker.name} is evicted")
            if worker in self.members:
                self.members.remove(worker)
            worker.spawn(self._wake(worker))

    async def _let_go(self, worker: Worker) -> None:
        await worker.step("is told to let go")
        await worker.partitions.let_go()

    def _assign(self) -> None:
        members = [worker for worker in self.members if worker.alive]
        if len(members) > 1 and self._faults.stopping and self._faults.random.random() < 0.2:
            self._too_late(members.pop())
        if not members:
            return
        numbers = list(range(self._faults.settings.partitions))
        self._faults.random.shuffle(members)
        if self._faults.random.random() < 0.5:
            members.sort(key=lambda worker: worker.name)  # the same as before, most likely
        for i, worker in enumerate(members):
            worker.ports.numbers = {number for number in numbers if number % len(members) == i}
            self._faults.say(f"{worker.name} is given {sorted(worker.ports.numbers)}")
            worker.spawn(worker.partitions.take())
            if self._faults.stopping and self._faults.random.random() < 0.1:
                self.stop(worker)  # a bad moment

    def _too_late(self, worker: Worker) -> None:
        """It has let go in order and does not join in time: this generation goes on without it."""
        self._faults.say(f"{worker.name} joins too late")
        self.members.remove(worker)

        def join() -> None:
            if worker.alive and worker not in self.members:
                self.join(worker)

        asyncio.get_running_loop().call_later(self._faults.random.uniform(0.2, 1.5), join)
