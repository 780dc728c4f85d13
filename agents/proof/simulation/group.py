"""A consumer group in memory: eager rebalances of whoever has joined, sessions that time out, zombies that do not know it yet."""

from __future__ import annotations

import asyncio

from agents.proof.simulation.faults import Surroundings
from agents.proof.simulation.worker import Worker


class Group:
    """Members are told to let go, then each is given numbers, then each takes over; a new change starts that over."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self.members: list[Worker] = []
        self._wanted = asyncio.Event()
        self.settled = True
        self._waking: set[Worker] = set()

    def join(self, process: Worker) -> None:
        """A member more."""
        self.members.append(process)
        self.rebalance()

    def gone(self, process: Worker) -> None:
        """A member less, once its session is over."""
        if process in self.members:
            asyncio.get_running_loop().call_later(self._world.session_s, self._evict, process)

    def leave(self, process: Worker) -> None:
        """A member less, at once."""
        if process in self.members:
            self._evict(process)

    def _evict(self, process: Worker) -> None:
        if process in self.members:
            self.members.remove(process)
            self.rebalance()

    def watch(self, process: Worker) -> None:
        """It has stopped: unless it goes on before its session is over, it is replaced, and learns that when it wakes."""

        def over() -> None:
            if process.paused and process in self.members:
                self._world.say(f"{process.name} is silent for too long")
                self._evict(process)
                process.spawn(self._wake(process))

        asyncio.get_running_loop().call_later(self._world.session_s, over)

    async def _wake(self, process: Worker) -> None:
        if process in self._waking:
            return
        self._waking.add(process)
        await process.step("wakes")
        await self._let_go(process)
        self._waking.remove(process)
        if process.alive and process not in self.members:
            self.join(process)

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
        letting_go = {process.spawn(self._let_go(process)): process for process in self.members if process.alive}
        if not letting_go:
            return
        _, late = await asyncio.wait(letting_go, timeout=self._world.session_s)
        for task in late:  # stopped, or too slow: the others go on without it; it learns that when it wakes
            process = letting_go[task]
            self._world.say(f"{process.name} is evicted")
            if process in self.members:
                self.members.remove(process)
            process.spawn(self._wake(process))

    async def _let_go(self, process: Worker) -> None:
        await process.step("is told to let go")
        await process.partitions.let_go()

    def _assign(self) -> None:
        members = [process for process in self.members if process.alive]
        if len(members) > 1 and self._world.stopping and self._world.random.random() < 0.2:
            self._too_late(members.pop())
        if not members:
            return
        numbers = list(range(self._world.settings.partitions))
        self._world.random.shuffle(members)
        if self._world.random.random() < 0.5:
            members.sort(key=lambda process: process.name)  # the same as before, most likely
        for i, process in enumerate(members):
            process.ports.numbers = {number for number in numbers if number % len(members) == i}
            self._world.say(f"{process.name} is given {sorted(process.ports.numbers)}")
            process.spawn(process.partitions.take())
            self._world.given(process)

    def _too_late(self, process: Worker) -> None:
        """It has let go in order and does not join in time: this generation goes on without it."""
        self._world.say(f"{process.name} joins too late")
        self.members.remove(process)

        def join() -> None:
            if process.alive and process not in self.members:
                self.join(process)

        asyncio.get_running_loop().call_later(self._world.random.uniform(0.2, 1.5), join)
