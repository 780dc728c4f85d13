"""Reads that come together go out together: what a call costs hardly depends on how many are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from streams.scoreboard import shards

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Part: TypeAlias = tuple[Answer, shards.Missing]  #: an answer, and what it is without

MOST = 200  #: in one call: a longer one would hold up others on the server


class Together(Generic[Asked, Answer]):
    """One call at a time; who comes while it is under way is in the next one, so load makes calls larger and not more.

    `ask` answers some at once, in their order.
    """

    def __init__(self, ask: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Asked, asyncio.Future[Part[Answer]]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def get(self, one: Asked) -> Answer:
        """The answer to one. Raises what `ask` raises, and where a part is not good enough what it is without (`shards.note`)."""
        answer: asyncio.Future[Part[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._all())  # it begins when all who are ready now have come
        found, left_out = await answer
        shards.note(left_out)
        return found

    async def _all(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._some(some)
        finally:
            self._asking = None
            for _, answer in self._waiting:  # nobody, unless this was cancelled
                answer.cancel()

    async def _some(self, some: Sequence[tuple[Asked, asyncio.Future[Part[Answer]]]]) -> None:
        answers: Sequence[Answer] | BaseException
        with shards.partly() as left_out:
            (answers,) = await asyncio.gather(self._ask([one for one, _ in some]), return_exceptions=True)
        for number, (_, answer) in enumerate(some):
            if answer.done():  # who asked has gone
                continue
            if isinstance(answers, BaseException):
                answer.set_exception(answers)
            else:
                answer.set_result((answers[number], left_out))
