"""The writer of one partition's view: it takes what `Shown` has to say and brings it to Redis, as fast as Redis takes it.

Kafka never waits for Redis. Each call names the version that Redis must have, and does nothing when it has another: then
Redis was flushed, failed over or restored from an older copy, or another worker is ahead, and everyone is shown again. The
pulse that goes with each call says up to which version everything published is there (`complete`), and 0 from the first call of
a new beginning to the end of its sweep: a successor shows what it does not cover, whoever wrote it.

Keys can be lost one by one (deleted, evicted), and a version alone does not tell. So once a second the view looks whether
Redis has as many users in each key as were written. Boards and records are shared with other partitions: where they fall
short, it asks for its own users.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from redis.exceptions import RedisError

from streams.scoreboard.flush import Flush, Look, Scoreboard
from streams.scoreboard.refusal import refusal
from streams.scoreboard.shown import Shown

log = logging.getLogger("clout.view")

LOOK_S = 1.0  # how soon it is noticed that Redis has lost something
#: users of others are missing: when ours are looked for again, twice as late each time
ASK_AGAIN_S, ASK_AGAIN_AT_MOST_S = 5.0, 600.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


class Refusal(NamedTuple):
    """Redis does not take what is written."""

    why: str  #: and what to do
    since_s: float  #: monotonic


class View:
    """Brings what one partition shows to Redis: one call in flight, repeated under the same version until it is answered."""

    def __init__(
        self, board: Scoreboard, shown: Shown, now_ms: Callable[[], int], wall_ms: Callable[[], float], last: int = 0
    ) -> None:
        """`now_ms` is the time that scores are for, `last` the version that Redis has."""
        self.shown = shown
        self._board, self._now_ms, self._wall_ms = board, now_ms, wall_ms
        self._last: int | None = last  # the version that Redis must have; None: any older one is replaced
        self._held = self._in_flight = False
        self._stands_ms: int | None = None
        self._losses = 0
        self._something, self._nothing = asyncio.Event(), asyncio.Event()
        self._nothing.set()
        self.refusal: Refusal | None = None  #: while Redis does not take what is written
        self._without = self._fewer = (
            0  # users without daily closes, and without lists, at the last look, of all of the shard
        )
        self._look_s = 0.0  # when to look again (the clock of the event loop)
        self._asked: tuple[tuple[int, ...], float, float] | None = None  # gaps, when to ask again, the pause after that

    def go(self) -> None:
        """There may be something to write."""
        if not self.shown.idle:
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
        self.go()

    def resume(self, complete: int, origin: str) -> None:
        """After a take-over: Redis has everything that was published up to `complete` of the rows of `origin`."""
        if not self.shown.resume(complete, origin, self._now_ms()):
            log.warning(
                "everyone will be shown again: partition=%d why='redis does not have what was committed, or by another model'",
                self.shown.number,
            )
        self.go()

    def lose(self, why: str) -> None:
        """Redis does not have everyone: they are shown again."""
        log.warning("everyone will be shown again: partition=%d why=%r", self.shown.number, why)
        self._losses += 1
        self._last, self._asked = None, None
        self.shown.everyone()
        self.go()

    @property
    def held(self) -> bool:
        """Does it wait for `release`?"""
        return self._held

    @property
    def caught_up(self) -> bool:
        """Has everything that was to be shown reached Redis?"""
        return self._nothing.is_set()

    def stand(self, now_ms: int | None) -> None:
        """A cut of this moment is scored: no day begins under it, all is shown as of then. None: it is, and time goes on."""
        self._stands_ms = now_ms

    @property
    def stands(self) -> bool:
        """Is a cut being scored?"""
        return self._stands_ms is not None

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
            if not self._something.is_set():
                continue
            flush = self.shown.call(self._now_ms() if self._stands_ms is None else self._stands_ms)
            if flush:
                await self._call(flush)
            if self.shown.idle:
                self._something.clear()
                self._nothing.set()

    async def _call(self, flush: Flush) -> None:
        after, losses = self._last, self._losses
        found = await self._write(replace(flush, after=after))
        if found in (after, flush.version) or (after is None and found < flush.version):
            self._last = flush.version if losses == self._losses else None  # lost meanwhile: everyone follows
            self.shown.arrived(self._wall_ms())
            return
        if losses != self._losses:
            return
        self.lose(f"redis has version {found} instead of {after}")
        if after is None:  # another worker is ahead: we shall be told, or it ends
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        """Has Redis still what was written? None of our calls is in flight."""
        if self._last is None:
            return
        if len(self.shown.influences):  # what waits goes on when nothing else happens
            self.shown.show()
            self.go()
        losses = self._losses
        try:
            seen = await self._board.look(self.shown.number)
            if losses == self._losses and (why := self._missing(seen) or await self._asked_for(seen)):
                self.lose(why)
        except (RedisError, OSError) as error:
            log.debug("redis does not answer a look: partition=%d error=%r", self.shown.number, error)

    def _missing(self, seen: Look) -> str:
        if seen.version != self._last:
            return f"redis has version {seen.version} instead of {self._last}"
        gap, before = max(seen.closes - seen.history, 0), self._without
        self._without = gap
        if gap and gap != before and self.shown.histories.users:  # once for each: a gap that stays is not ours
            return f"redis has daily closes of {seen.history} users instead of {seen.closes}"
        gap, before = max(seen.influences - seen.influence, 0), self._fewer
        self._fewer = gap
        if gap and gap != before and self.shown.influences.users:
            log.warning("topics and people will be written again: partition=%d, redis lacks %d", self.shown.number, gap)
            self.shown.influences.everyone()
            self.shown.show()
            self.go()
        return seen.lost

    async def _asked_for(self, seen: Look) -> str:
        """Are users of ours among those that the shard lacks?"""
        now_s, losses = asyncio.get_running_loop().time(), self._losses
        if not any(seen.gaps):
            self._asked = None
            return ""
        pause_s = ASK_AGAIN_S
        if self._asked:
            gaps, again_s, pause_s = self._asked
            if gaps == seen.gaps and now_s < again_s:
                return ""
        users, linked = self.shown.users(), self.shown.users(linked=True)
        lacking = await self._board.lacking(self.shown.number, users)
        if linked:
            lacking += await self._board.lacking(self.shown.number, linked, linked=True)
        self._asked = seen.gaps, now_s + pause_s, min(2 * pause_s, ASK_AGAIN_AT_MOST_S)
        return (
            f"redis lacks {lacking} of {len(users) + len(linked)} users" if lacking and losses == self._losses else ""
        )

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
                    log.warning("redis takes scores again: partition=%d", self.shown.number)
                    self.refusal = None
                return before

    def _refused(self, why: str) -> None:
        """Said once; nothing is lost meanwhile, the call is repeated."""
        if self.refusal is None or self.refusal.why != why:
            log.warning("redis %s: partition=%d, nothing is lost", why, self.shown.number)
        since_s = self.refusal.since_s if self.refusal else asyncio.get_running_loop().time()
        self.refusal = Refusal(why, since_s)
