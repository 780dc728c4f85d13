"""Reads that many requests share."""

from __future__ import annotations

import asyncio

import pytest

from agents.api.lately import MOMENT_S, MOST, Lately


class Counter:
    """Reads numbers, each once; `fails` makes it raise."""

    def __init__(self) -> None:
        self.count, self.fails, self.gate = 0, False, asyncio.Event()
        self.gate.set()

    async def __call__(self) -> int:
        self.count += 1
        await self.gate.wait()
        if self.fails:
            raise OSError
        return self.count


def test_once_a_moment() -> None:
    """All within a moment get what the first read; then it is read again, each thing for itself."""

    async def story() -> None:
        now_s, read = [0.0], Counter()
        lately = Lately(lambda: now_s[0])
        assert await asyncio.gather(*(lately.get("a", read) for _ in range(5))) == [1] * 5
        now_s[0] = MOMENT_S - 0.01
        assert await lately.get("a", read) == 1
        assert await lately.get("b", read) == 2
        now_s[0] = MOMENT_S
        assert await lately.get("a", read) == 3

    asyncio.run(story())


def test_a_failure_is_not_kept() -> None:
    """Those who wait get it, who comes next reads again."""

    async def story() -> None:
        read = Counter()
        lately = Lately(lambda: 0.0)
        read.fails = True
        assert [
            type(one)
            for one in await asyncio.gather(*(lately.get("a", read) for _ in range(2)), return_exceptions=True)
        ] == [OSError] * 2
        read.fails = False
        assert await lately.get("a", read) == 2

    asyncio.run(story())


def test_who_leaves_does_not_end_it_for_others() -> None:
    """A request that is cancelled takes nothing from the rest; a slow read is not begun twice."""

    async def story() -> None:
        now_s, read = [0.0], Counter()
        read.gate.clear()
        lately = Lately(lambda: now_s[0])
        first = asyncio.create_task(lately.get("a", read))
        await asyncio.sleep(0)
        now_s[0] = 10 * MOMENT_S
        second = asyncio.create_task(lately.get("a", read))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        read.gate.set()
        assert (await second, read.count) == (1, 1)

    asyncio.run(story())


def test_it_does_not_grow() -> None:
    """The oldest goes, whatever is asked for."""

    async def story() -> None:
        read = Counter()
        lately = Lately(lambda: 0.0)
        for n in range(3 * MOST):
            await lately.get(n, read)
        assert await lately.get(3 * MOST - 1, read) == 3 * MOST
        assert await lately.get(0, read) == 3 * MOST + 1
        assert len(lately._kept) == MOST

    asyncio.run(story())
