"""A process of the simulation: it may be slow, stopped or gone at any step."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

from agents.proof.simulation.faults import Faults

_running: contextvars.ContextVar[Process | None] = contextvars.ContextVar("running", default=None)


class Process:
    """From its start to its end. Whatever it asks of others goes through `step`, where faults happen."""

    def __init__(self, faults: Faults, name: str) -> None:
        self.faults, self.name, self.alive = faults, name, True
        self._tasks: set[asyncio.Task[Any]] = set()
        self._going = asyncio.Event()
        self._going.set()

    async def step(self, what: str, worse: int = 1) -> None:
        """A moment at which this process may be slow, stopped, or gone, `worse` times as likely."""
        if not self.alive:
            raise asyncio.CancelledError
        faults = self.faults
        faults.say(f"{self.name} {what}")
        if faults.random.random() < faults.crash * worse:
            self.crash(f"crash at {what}")
        await asyncio.sleep(faults.random.expovariate(1 / faults.latency_s))
        if not self._going.is_set():
            await self._going.wait()
        if not self.alive:
            raise asyncio.CancelledError

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something as this process: it ends with it."""
        context = contextvars.copy_context()
        context.run(_running.set, self)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        return task

    def crash(self, why: str) -> None:
        """The end, as by kill -9: nothing that it still does has any effect."""
        if self.alive:
            self.alive = False
            self.faults.say(f"{self.name} ends: {why}")
            self._going.set()
            for task in self._tasks:
                task.cancel()

    def pause(self) -> None:
        """As by SIGSTOP."""
        self._going.clear()

    def resume(self) -> None:
        """As by SIGCONT."""
        self._going.set()

    @property
    def paused(self) -> bool:
        """Is it stopped?"""
        return not self._going.is_set()


def task_of_its_process(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """A task factory: what a process starts belongs to it."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    process = _running.get()
    if process:
        process._tasks.add(task)
        task.add_done_callback(process._tasks.discard)
    return task
