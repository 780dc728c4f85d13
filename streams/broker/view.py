"""What Redis shows of one partition: written in order and in its own time. Kafka never waits for Redis.

Down, Redis delays the view and nothing else: calls wait, up to a bound; beyond it they are dropped and everyone is shown
again once Redis answers. The same happens when a call finds another version than the last one written: then Redis was
flushed, failed over or restored from an older copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from redis.exceptions import RedisError

from streams.scoreboard.writer import Flush

log = logging.getLogger("clout.view")

MOST_WAITING = 400  # calls of up to 500 users
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


class Board(Protocol):
    """Where scores are shown: `streams.scoreboard.writer.Writer`."""

    async def write(self, flush: Flush) -> int:
        """Write one chunk; returns the version found before."""


class View:
    """The calls of one partition on their way to Redis: one in flight, repeated under the same version until it is answered."""

    def __init__(self, board: Board, last: int = 0) -> None:
        self._board = board
        self.show_everyone: Callable[[], None] = lambda: None  #: called when all users must be handed over again
        self._last = last  # the version Redis must have; 0: not known
        self._waiting: deque[tuple[Flush, Callable[[], None] | None]] = deque()
        self._dropped = False
        self._something, self._nothing = asyncio.Event(), asyncio.Event()
        self._nothing.set()

    def put(self, flush: Flush, written: Callable[[], None] | None = None) -> None:
        """Take over one call; `written` is called once Redis has it."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
            self._dropped = True
        self._waiting.append((flush, written))
        self._something.set()
        self._nothing.clear()

    @property
    def caught_up(self) -> bool:
        """Has everything handed over reached Redis?"""
        return self._nothing.is_set()

    async def drained(self, patience_s: float) -> bool:
        """Wait up to `patience_s` until Redis has everything; did it come to that?"""
        try:
            await asyncio.wait_for(self._nothing.wait(), patience_s)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Write, for ever; cancel it to end."""
        while True:
            await self._something.wait()
            flush, written = self._waiting[0]
            found = await self._write(flush)
            if self._last and found not in (self._last, flush.version):
                log.warning(
                    "redis lost or restored data, showing everyone: partition=%d found=%d", flush.partition, found
                )
                self._dropped = True
            self._last = flush.version
            if self._waiting and self._waiting[0][0] is flush:
                self._waiting.popleft()
            if written:
                written()
            if self._dropped:
                self._dropped = False
                self.show_everyone()
            if not self._waiting:
                self._something.clear()
                self._nothing.set()

    async def _write(self, flush: Flush) -> int:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return await self._board.write(flush)
            except (RedisError, OSError) as error:
                log.warning("redis does not take scores: partition=%d error=%r", flush.partition, error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
