"""What Redis shows of one partition: written in order and in its own time. Kafka never waits for Redis.

Each call names the version that Redis must have, and does nothing when it has another: then Redis was flushed, failed over
or restored from an older copy, and everyone is shown again. The same when more calls wait than a bound, because Redis is
down. Nothing is written in between: first a header that says "not shown" is committed, which a replaced worker cannot do;
else what it still writes into an emptied Redis would look complete to its successor.

Keys can be lost one by one (deleted, evicted), and a version alone does not tell. So once a second the view looks whether
Redis has as many users in each key as were written. Board and records are shared with other partitions: where they fall
short, it asks for its own users.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, Protocol

from redis.exceptions import RedisError

from streams.scoreboard.flush import Flush, Look, Scoreboard
from streams.scoreboard.refusal import refusal

log = logging.getLogger("clout.view")

MOST_WAITING = 100  # calls of up to 500 users: some 35 MB a partition
LOOK_S = 1.0  # how soon it is noticed that Redis has lost something
LOOK_SOON_S = 0.1  # the same while calls wait that may bring what is missing
ASK_AGAIN_S, ASK_AGAIN_AT_MOST_S = (
    5.0,
    600.0,
)  # users of others are missing: when ours are looked for again, twice as late each time
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


class Refusal(NamedTuple):
    """Redis does not take what is written."""

    why: str  #: and what to do
    since_s: float  #: monotonic


class Partition(Protocol):
    """Whose users are shown: `streams.partition.loop.Loop`."""

    def show_everyone(self) -> None:
        """Hand all users over again."""

    def shown_users(self) -> list[str]:
        """All users handed over so far."""


class _Nobody:
    """A partition before it is there."""

    def show_everyone(self) -> None:
        """There is nobody."""

    def shown_users(self) -> list[str]:
        """There is nobody."""
        return []


class View:
    """The calls of one partition on their way to Redis: one in flight, repeated under the same version until it is answered."""

    def __init__(self, board: Scoreboard, number: int, last: int = 0) -> None:
        self._board, self._number = board, number
        self.partition: Partition = _Nobody()
        self._last: int | None = last  # the version that Redis must have; None: whatever it has is replaced
        self._waiting: deque[tuple[Flush, Callable[[], None] | None]] = deque()
        self._lost = self._held = self._in_flight = False
        self._something, self._nothing = asyncio.Event(), asyncio.Event()
        self._nothing.set()
        self.refusal: Refusal | None = None  #: while Redis does not take what is written
        self._look_s = 0.0  # when to look again (the clock of the event loop)
        self._asked: tuple[tuple[int, int], float, float] | None = None  # gaps, when to ask again, the pause after that

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
        self._lost, self._asked = True, None
        self.partition.show_everyone()

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
        clock_s = asyncio.get_running_loop().time
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._something.wait(), max(self._look_s - clock_s(), 0.0))
            if clock_s() >= self._look_s:
                self._look_s = clock_s() + LOOK_S
                await self._look()
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
        """Has Redis still what was written? None of our calls is in flight."""
        if self._lost or self._last is None:
            return
        try:
            seen = await self._board.look(self._number)
            if not self._lost and (why := self._missing(seen) or await self._asked_for(seen)):
                self.lose(why)
        except (RedisError, OSError) as error:
            log.debug("redis does not answer a look: partition=%d error=%r", self._number, error)

    def _missing(self, seen: Look) -> str:
        if seen.version != self._last:
            return f"redis has version {seen.version} instead of {self._last}"
        return seen.lost

    async def _asked_for(self, seen: Look) -> str:
        """Are users of ours among those that the shard lacks? While calls wait we do not know who ought to be there."""
        now_s = asyncio.get_running_loop().time()
        if not any(seen.gaps):
            self._asked = None
            return ""
        if self._waiting:
            self._look_s = now_s + LOOK_SOON_S
            return ""
        pause_s = ASK_AGAIN_S
        if self._asked:
            gaps, again_s, pause_s = self._asked
            if gaps == seen.gaps and now_s < again_s:
                return ""
        users = self.partition.shown_users()
        lacking = await self._board.lacking(self._number, users)
        self._asked = seen.gaps, now_s + pause_s, min(2 * pause_s, ASK_AGAIN_AT_MOST_S)
        return f"redis lacks {lacking} of {len(users)} users" if lacking and not self._lost else ""

    async def _write(self, flush: Flush) -> int:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                before = await self._board.write(flush)
            except (RedisError, OSError) as error:
                self._refused(refusal(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                if self.refusal:
                    log.warning("redis takes scores again: partition=%d", self._number)
                    self.refusal = None
                return before

    def _refused(self, why: str) -> None:
        """Said once; nothing is lost meanwhile, the call is repeated."""
        if self.refusal is None or self.refusal.why != why:
            log.warning("redis %s: partition=%d, nothing is lost", why, self._number)
        since_s = self.refusal.since_s if self.refusal else asyncio.get_running_loop().time()
        self.refusal = Refusal(why, since_s)
