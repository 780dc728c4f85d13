"""What Redis shows of one partition: written in order and in its own time. Kafka never waits for Redis.

Each call names the version that Redis must have, and does nothing when it has another: then Redis was flushed, failed over
or restored from an older copy, and everyone is shown again. The same when more calls wait than a bound, because Redis is
down. Nothing is written in between: first a header that says "not shown" is committed, which a replaced worker cannot do;
else what it still writes into an emptied Redis would look complete to its successor. With nothing to write, the version is
looked at once a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from redis.exceptions import RedisError

from streams.scoreboard.flush import Flush, Scoreboard

log = logging.getLogger("clout.view")

MOST_WAITING = 100  # calls of up to 500 users: some 35 MB a partition
LOOK_S = 1.0  # how soon a partition with nothing to write notices that Redis has lost something
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


class View:
    """The calls of one partition on their way to Redis: one in flight, repeated under the same version until it is answered."""

    def __init__(self, board: Scoreboard, number: int, last: int = 0) -> None:
        self._board, self._number = board, number
        self.show_everyone: Callable[[], None] = lambda: None  #: called when all users must be handed over again
        self._last: int | None = last  # the version that Redis must have; None: whatever it has is replaced
        self._waiting: deque[tuple[Flush, Callable[[], None] | None]] = deque()
        self._lost = self._held = self._in_flight = False
        self._something, self._nothing = asyncio.Event(), asyncio.Event()
        self._nothing.set()

    def put(self, flush: Flush, written: Callable[[], None] | None = None) -> None:
        """Take over one call; `written` is called once Redis has it. Dropped while everyone is about to be shown again."""
        if self._lost:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.lose(f"{MOST_WAITING} calls wait")
            return
        self._waiting.append((flush, written))
        self._nothing.clear()
        if not self._held:
            self._something.set()

    def hold(self) -> None:
        """Write nothing until `release`: after a take-over, scores would go back to what was committed and up again."""
        self._held = True
        self._something.clear()

    def release(self) -> None:
        """Write what has come together."""
        self._held = False
        if self._waiting:
            self._something.set()

    def lose(self, why: str) -> None:
        """Redis does not have everyone: write nothing more until `begin_again`."""
        log.warning("everyone will be shown again: partition=%d why=%r", self._number, why)
        self._waiting.clear()
        self._something.clear()
        if not self._in_flight:
            self._nothing.set()
        self._lost = True
        self.show_everyone()

    def begin_again(self) -> None:
        """Everyone is handed over from here on; a header that says so is committed."""
        self._lost, self._last = False, None

    @property
    def held(self) -> bool:
        """Does it wait for `release`?"""
        return self._held

    @property
    def behind(self) -> int:
        """Calls that Redis has not taken yet."""
        return len(self._waiting) + self._in_flight

    @property
    def caught_up(self) -> bool:
        """Has everything handed over reached Redis?"""
        return self._nothing.is_set()

    async def drained(self, patience_s: float) -> bool:
        """Wait up to `patience_s` until Redis has everything; did it come to that? At once when nothing is written."""
        if self._held:
            return self.caught_up
        try:
            await asyncio.wait_for(self._nothing.wait(), patience_s)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Write, for ever; cancel it to end."""
        while True:
            try:
                await asyncio.wait_for(self._something.wait(), LOOK_S)
            except TimeoutError:
                await self._look()
                continue
            if not self._something.is_set():  # lost, or held again, since it was set
                continue
            flush, written = self._waiting.popleft()
            self._in_flight = True
            after = self._last
            found = await self._write(replace(flush, after=after))
            self._in_flight = False
            if found in (after, flush.version) or (after is None and found < flush.version):
                self._last = flush.version
                if written:
                    written()
            elif not self._lost:
                self.lose(f"redis has version {found} instead of {after}")
            if not self._waiting or self._held:
                self._something.clear()
            if not self._waiting:
                self._nothing.set()

    async def _look(self) -> None:
        """Nothing is written, so nobody tells us whether Redis still has it."""
        try:
            found = await self._board.version(self._number)
        except (RedisError, OSError) as error:
            log.warning("redis does not answer: partition=%d error=%r", self._number, error)
            return
        if not (self._lost or self._waiting) and self._last is not None and found != self._last:
            self.lose(f"redis has version {found} instead of {self._last}")

    async def _write(self, flush: Flush) -> int:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return await self._board.write(flush)
            except (RedisError, OSError) as error:
                log.warning("redis does not take scores: partition=%d error=%r", flush.partition, error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
