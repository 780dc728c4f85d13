"""What a piece of work takes is its own: not what others do while it waits."""

from __future__ import annotations

import asyncio

import pytest

from streams.broker.busy import Busy


class Cpu:
    """A clock that moves only when somebody works."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def work(self, seconds: float) -> None:
        self.now_s += seconds


def test_others_do_not_count() -> None:
    """Three steps of work with waits between them, in which somebody else works much more."""

    async def story() -> None:
        cpu, over = Cpu(), asyncio.Event()

        async def other() -> None:
            while not over.is_set():
                cpu.work(100)
                await asyncio.sleep(0)

        async def mine() -> str:
            for _ in range(3):
                cpu.work(1)
                await asyncio.sleep(0.001)
            return "done"

        beside = asyncio.create_task(other())
        busy = Busy(mine(), lambda: cpu.now_s)
        assert await busy == "done"
        assert busy.seconds == 3
        assert cpu.now_s > 100
        over.set()
        await beside

    asyncio.run(story())


def test_errors_and_cancellations_are_the_work_s_own() -> None:
    """What it raises comes out, what is thrown into it goes in, and the time until then counts."""

    async def story() -> None:
        cpu, told = Cpu(), []

        async def fails() -> None:
            cpu.work(1)
            await asyncio.sleep(0)
            raise KeyError("mine")

        busy = Busy(fails(), lambda: cpu.now_s)
        with pytest.raises(KeyError, match="mine"):
            await busy
        assert busy.seconds == 1

        async def waits() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cpu.work(2)
                told.append("cancelled")
                raise

        waiting = Busy(waits(), lambda: cpu.now_s)

        async def awaiting() -> None:
            await waiting

        task = asyncio.create_task(awaiting())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (told, waiting.seconds) == (["cancelled"], 2)

    asyncio.run(story())
