"""One who listens: from the cursor they came with, or from a snapshot, to what comes now, without a gap and nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from agents.api.stream.boards import Boards
from agents.api.stream.feed import UP, Feed
from agents.api.stream.filters import Filter, Pending, frames
from agents.api.stream.frames import event, heartbeat, opening
from agents.api.stream.looks import put_together
from agents.api.stream.mailbox import REASONS, Mailbox
from agents.api.stream.positions import Position, text_of
from agents.api.stream.snapshots import Snapshots
from agents.api.stream.topics import Topics
from agents.api.stream.waking import Waking

LOST, TOO_OLD = "the stream in Redis was lost", "the cursor is too old, or of another stream"
_SLICE = 50  #: entries that are put together at once for who comes back
_AHEAD_S = 5.0  #: so long we wait for what another process has seen
_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for. `n`: entries of the board, 0: no board; `position` is where they were, None: nowhere."""

    filter: Filter
    n: int = 0
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where frames come from, and how sends take turns."""

    feed: Feed
    boards: Boards
    topics: Topics
    snapshots: Snapshots
    waking: Waking = field(default_factory=Waking)


class Listener:
    """`frames` is what is sent. It is served on its own until it has caught up, then with all who want the same."""

    def __init__(self, wish: Wish, sources: Sources, *, heartbeat_s: float, age_s: float) -> None:
        self.box = Mailbox(sources.waking)
        self._wish, self._sources, self._feed = wish, sources, sources.feed
        self._heartbeat_s, self._age_s = heartbeat_s, age_s
        self._pending = Pending(wish.filter.min_change) if wish.filter.min_change else None
        self._position = wish.position
        self._number: int | None = None  # of the entry that is next
        self._epoch = 0
        self._live = False
        self._ahead_until_s = 0.0

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Until the server has a reason to end it, which is the last frame."""
        sources = self._sources
        self._feed.boxes.add(self.box)
        sources.topics.hold(self._wish.filter.topic)
        if self._wish.n:
            sources.boards.attach(self.box, self._wish.n)
        try:
            yield opening(self._first())
            async for frame in self._until_over():
                yield frame
            yield event("closed", {"reason": self.box.over, "detail": REASONS[self.box.over]})
        finally:
            self._feed.boxes.discard(self.box)
            self._feed.groups.detach(self._wish.filter, self.box, self._pending)
            sources.boards.detach(self.box)
            sources.topics.release(self._wish.filter.topic)

    async def _until_over(self) -> AsyncIterator[bytes]:
        clock_s = asyncio.get_running_loop().time
        over_s, beat_s = clock_s() + self._age_s, clock_s() + self._heartbeat_s
        down = ""
        while not self.box.over:
            if clock_s() >= over_s:
                self.box.end("age")
            elif not self.box.empty:
                yield self.box.take()
            elif down != self._feed.down:
                down = self._feed.down
                yield event("down", {"reason": down}) if down else event("up", {"reason": UP})
            elif clock_s() >= beat_s:
                beat_s = clock_s() + self._heartbeat_s
                yield heartbeat(self._cursor())
            elif self._live and self._epoch == self._feed.epoch:
                await self.box.wait(min(over_s, beat_s))
            elif frame := await self._step(min(over_s, beat_s)):
                yield frame

    def _first(self) -> str:
        """Who is to get a snapshot has no cursor before it: cut off here, they would never get one."""
        if self._position or self._wish.filter.scores or not self._feed.epoch:
            return text_of(self._position or ())
        self._position, self._number, self._epoch = self._feed.window.head, self._feed.window.end, self._feed.epoch
        return text_of(self._position)

    def _cursor(self) -> str:
        """Behind all that was sent; nothing is waiting."""
        if self._live and self._epoch == self._feed.epoch:
            return text_of(self._feed.window.head)
        return text_of(self._position or ())

    async def _step(self, until_s: float) -> bytes:
        """One step on the way to being live: what is to be sent for it, or nothing."""
        feed, window = self._feed, self._feed.window
        if self._epoch != feed.epoch:
            again, self._epoch, self._live, self._number = self._epoch > 0, feed.epoch, False, None
            return self._reset(LOST) if again else b""
        if not feed.epoch or not await self._topic_known():
            await self.box.wait(min(until_s, asyncio.get_running_loop().time() + _AGAIN_S))
        elif self._position is None:
            return await self._snapshot(until_s)
        elif window.ahead(self._position):
            return await self._early(until_s)
        elif self._number is None:
            self._number = window.behind(self._position)
            return b"" if self._number is not None else self._reset(TOO_OLD)
        elif self._number < window.first:
            return self._reset(TOO_OLD)
        elif self._number < window.end:
            return await self._caught_up(self._position, self._number)
        else:
            feed.groups.attach(self._wish.filter, self.box, self._pending)
            self._live = True
        return b""

    async def _topic_known(self) -> bool:
        with contextlib.suppress(RedisError, OSError):
            await self._sources.topics.known(self._wish.filter.topic)
            return True
        return False

    def _reset(self, why: str) -> bytes:
        self._position = self._number = None
        return event("reset", {"reason": why})

    async def _snapshot(self, until_s: float) -> bytes:
        """Its cursor is from before it was read: what comes after may be in it already."""
        wanted, epoch = self._wish.filter, self._epoch
        position, number = self._feed.window.head, self._feed.window.end
        found = None
        if wanted.scores:
            try:
                found = await self._sources.snapshots.of(wanted, self._sources.topics.members(wanted.topic))
            except (RedisError, OSError):
                await self.box.wait(min(until_s, asyncio.get_running_loop().time() + _AGAIN_S))
                return b""
        if epoch == self._feed.epoch:
            self._position, self._number = position, number
            return event("snapshot", found, text_of(position)) if found else b""
        return b""

    async def _early(self, until_s: float) -> bytes:
        """Another process has seen more: wait until we have, and do not believe in it for ever."""
        now_s = asyncio.get_running_loop().time()
        self._ahead_until_s = self._ahead_until_s or now_s + _AHEAD_S
        if now_s >= self._ahead_until_s and not self._feed.down:
            return self._reset(TOO_OLD)
        self._feed.early.add(self.box)
        await self.box.wait(min(until_s, now_s + _AGAIN_S))
        return b""

    async def _caught_up(self, position: Position, number: int) -> bytes:
        entries, wanted = self._feed.window.slice(number, _SLICE), self._wish.filter
        new = [entry for entry in entries if entry.ident > position[entry.stream]]
        look, self._position = put_together(new, position, self._feed.shards, wanted.users)
        self._number = number + len(entries)
        found = frames(wanted, look, self._sources.topics.members(wanted.topic), self._pending)
        await asyncio.sleep(0)  # others have their turn
        return found
