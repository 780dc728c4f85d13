"""Server push of one process: its tasks, who listens, and for how long they may."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from agents.api.leaders import Leaders
from agents.api.problems import RETRY, Problem
from agents.api.stream.boards import Boards
from agents.api.stream.feed import Feed
from agents.api.stream.groups import Groups
from agents.api.stream.listener import Listener, Sources, Wish
from agents.api.stream.positions import Position, read
from agents.api.stream.snapshots import Snapshots
from agents.api.stream.topics import Topics
from streams.settings import Settings

log = logging.getLogger("clout.api")

HEARTBEAT_S = 15.0  # proxies cut a connection that is silent for longer than a minute
SEND_S = 10.0  # a send that takes longer ends the connection
_YOUNGEST = 0.8  # streams that began together do not end together


@dataclass(frozen=True, slots=True)
class Limits:
    """How many may listen, how long each, and how long a send may take."""

    listeners: int = 10_000
    age_s: float = 3_600.0
    heartbeat_s: float = HEARTBEAT_S
    send_s: float = SEND_S

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """As they are set."""
        return cls(settings.api_streams, settings.api_stream_age_s)


class Hub:
    """`running` runs its tasks. `note` goes out with each board."""

    def __init__(
        self, leaders: Leaders, limits: Limits, *, note: str = "", dice: Callable[[], float] = random.random
    ) -> None:
        reader = leaders.reader
        self.limits, self._dice = limits, dice
        topics, boards = Topics(reader.topics), Boards(leaders, note)
        feed = Feed(reader.pushed, reader.shards, Groups(topics.members), boards.moved)
        self._sources = Sources(feed, boards, topics, Snapshots(leaders))
        self._listeners: set[Listener] = set()
        self.ended: Counter[str] = Counter()  #: streams that the server has ended, by reason
        self._closed = False

    @property
    def clients(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def close(self) -> None:
        """Ends all streams; no new one begins."""
        self._closed = True
        for listener in self._listeners:
            listener.box.end("stopping")

    def position(self, cursor: str, where: str) -> Position:
        """What a cursor says. Raises Problem 422 for text that is none of this API."""
        return read(cursor, 2 * self._sources.feed.shards, where)

    def admit(self) -> None:
        """Return if one more may listen. Raises Problem 503."""
        if self._closed:
            raise Problem(503, "stopping", "Not available", "The server stops. Ask another one.", headers=RETRY)
        if self.clients >= self.limits.listeners:
            detail = f"{self.limits.listeners} streams are open in this process, and no more may be. Ask another one, or later."
            raise Problem(503, "too-many-streams", "Too many streams", detail, headers=RETRY)

    @contextlib.contextmanager
    def listening(self, wish: Wish) -> Iterator[Listener]:
        """One more listener while the block lasts."""
        age_s = self.limits.age_s * (_YOUNGEST + (1 - _YOUNGEST) * self._dice())
        listener = Listener(wish, self._sources, heartbeat_s=self.limits.heartbeat_s, age_s=age_s)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if reason := listener.box.over:
                self.ended[reason] += 1
                log.info("stream ended: reason=%s", reason)

    async def run(self) -> None:
        """For ever. A task that ends by a mistake ends all of it: streams are closed, and no new one begins."""
        sources = self._sources
        tasks = {"changes": sources.feed.run, "boards": sources.boards.run, "topics": sources.topics.run}
        try:
            async with asyncio.TaskGroup() as group:
                for name, run in tasks.items():
                    group.create_task(run(), name=name)
        finally:
            self.close()


@contextlib.asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[None]:
    """The hub's tasks while the block lasts."""
    task = asyncio.create_task(hub.run(), name="push")
    task.add_done_callback(_ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error("push ended", exc_info=task.exception())
