"""Who is to be woken: a few in each turn of the event loop, so that reads have theirs between two of them."""

from __future__ import annotations

import asyncio
from collections import deque

AT_ONCE = 5  #: a send takes some 0.1 ms with what it costs the system, and an answer takes three or four turns


class Waking:
    """Sleepers are woken in the order in which they were called, `at_once` of them in a turn. Call it in the event loop."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._called: deque[asyncio.Future[None]] = deque()

    def call(self, sleeper: asyncio.Future[None]) -> None:
        """It is woken in its turn; one that has ended meanwhile is left alone."""
        if not self._called:
            asyncio.get_running_loop().call_soon(self._wake)
        self._called.append(sleeper)

    def _wake(self) -> None:
        for _ in range(min(self._at_once, len(self._called))):
            sleeper = self._called.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
        if self._called:
            asyncio.get_running_loop().call_soon(self._wake)
