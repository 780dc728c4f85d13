"""Reads that come together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.api.together import MOST, Together


class Asked:
    """Answers each number with its square, and knows who was asked for together; `fails` makes it raise."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.fails, self.gate, self.under_way = False, asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def __call__(self, some: Sequence[int]) -> list[int]:
        self.calls.append(list(some))
        self.under_way.set()
        await self.gate.wait()
        if self.fails:
            raise OSError
        return [number * number for number in some]


def test_one_call_for_all_who_come_at_once() -> None:
    """Each gets the answer to what they asked, who comes while it is under way that of the next call."""

    async def story() -> None:
        asked = Asked()
        together = Together(asked)
        asked.gate.clear()
        first = asyncio.gather(*map(together.get, (1, 2, 2)))
        await asked.under_way.wait()
        later = asyncio.gather(*map(together.get, (3, 4)))
        await asyncio.sleep(0)
        asked.gate.set()
        assert (await first, await later) == ([1, 4, 4], [9, 16])
        assert asked.calls == [[1, 2, 2], [3, 4]]
        assert await together.get(5) == 25

    asyncio.run(story())


def test_a_call_has_a_most() -> None:
    """More than that go in several, one after the other."""

    async def story() -> None:
        asked, count = Asked(), 2 * MOST + 1
        together = Together(asked)
        assert await asyncio.gather(*map(together.get, range(count))) == [n * n for n in range(count)]
        assert [len(call) for call in asked.calls] == [MOST, MOST, 1]

    asyncio.run(story())


def test_who_leaves_takes_nobody_along() -> None:
    """The others of the call are answered, the next too."""

    async def story() -> None:
        asked = Asked()
        together = Together(asked)
        asked.gate.clear()
        leaving, staying = (asyncio.create_task(together.get(number)) for number in (1, 2))
        await asked.under_way.wait()
        leaving.cancel()
        asked.gate.set()
        assert await staying == 4
        assert leaving.cancelled()
        assert await together.get(3) == 9

    asyncio.run(story())


def test_an_error_is_everybodys_and_no_longer() -> None:
    """All who waited are told; who asks next is answered."""

    async def story() -> None:
        asked = Asked()
        together = Together(asked)
        asked.fails = True
        told = await asyncio.gather(together.get(1), together.get(2), return_exceptions=True)
        assert [type(one) for one in told] == [OSError, OSError]
        asked.fails = False
        assert await together.get(3) == 9

    asyncio.run(story())
