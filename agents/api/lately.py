"""What many requests need at once is read once a moment for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple, TypeVar

from streams.scoreboard import shards

T = TypeVar("T")

MOMENT_S = 0.25  #: so long an answer is good for others
MOST = 256  #: different things that are kept


class _Kept(NamedTuple):
    at_s: float
    read: asyncio.Task[Any]


class Lately:
    """Reads of the last moment. Who comes while one is under way waits for it; one that fails is not kept.

    What is read may be without some shards: who cannot use it so gets the error (`shards.note`).
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._kept: dict[Hashable, _Kept] = {}  # the oldest first

    async def get(self, what: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` gives, or gave others within the last 250 ms. Raises what it raises."""
        now_s = self._monotonic_s()
        kept = self._kept.get(what)
        if kept is None or self._old(kept, now_s):
            self._kept.pop(what, None)
            while len(self._kept) >= MOST:
                del self._kept[next(iter(self._kept))]
            kept = self._kept[what] = _Kept(now_s, asyncio.ensure_future(_task(read)))
            kept.read.add_done_callback(_looked_at)
        # who leaves does not end it for the others
        found, left_out = kept.read.result() if kept.read.done() else await asyncio.shield(kept.read)
        shards.note(left_out)
        return found  # type: ignore[no-any-return]  # as `read` gave it

    @staticmethod
    def _old(kept: _Kept, now_s: float) -> bool:
        if not kept.read.done():
            return False
        return now_s - kept.at_s >= MOMENT_S or kept.read.cancelled() or kept.read.exception() is not None


async def _task(read: Callable[[], Awaitable[T]]) -> tuple[T, shards.Missing]:
    with shards.partly() as left_out:
        return await read(), left_out


def _looked_at(read: asyncio.Task[Any]) -> None:
    """An error that nobody waits for any more is none: who asks next reads again."""
    if not read.cancelled():
        read.exception()
