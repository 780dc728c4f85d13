"""Server push: one task looks at Redis for everybody, each client gets the newest board as a server-sent event."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import orjson
from redis.exceptions import RedisError

from agents.api.leaders import Leaders, Record

log = logging.getLogger("clout.api")

LEAST_GAP_S = 0.25  # between two looks
LONGEST_GAP_S = 1.0  # also without any change: rates fall, partitions go silent
DOWN_GAP_S = 1.0
KEEPALIVE_S = 15.0  # proxies cut a connection that is silent for longer than a minute
UNWATCHED_N = 10


class Hub:
    """The newest board, and those who wait for the next. `run` is the one task that reads Redis."""

    def __init__(self, leaders: Leaders, *, note: str = "", keepalive_s: float = KEEPALIVE_S) -> None:
        self._leaders = leaders
        self._keepalive_s, self._note = keepalive_s, {"note": note} if note else {}
        self._asked: dict[object, int] = {}  # by client: how many entries it wants
        self._newest: Record | None = None
        self._down = ""  # why there is nothing new
        self._frames: dict[int, bytes] = {}  # of the newest look, by number of entries
        self._number = 0
        self._moved = asyncio.Event()
        self._closed = False

    @property
    def clients(self) -> int:
        """How many follow now."""
        return len(self._asked)

    def close(self) -> None:
        """Ends all streams; no new one begins."""
        self._closed = True
        self._tell()

    async def run(self) -> None:
        """Looks whenever the `updates` stream moved, at most every 250 ms and at least each second, until closed."""
        reader = self._leaders.reader
        while not self._closed:
            began_s = time.monotonic()
            try:
                cursor = await reader.updates_end()
                self._newest = await self._leaders.look(max(self._asked.values(), default=UNWATCHED_N))
                self._down = ""
                self._tell()
                await asyncio.sleep(max(0.0, began_s + LEAST_GAP_S - time.monotonic()))
                left_s = began_s + LONGEST_GAP_S - time.monotonic()
                if left_s > 0:
                    await reader.updates(cursor, block_ms=max(1, int(left_s * 1000)), count=1)
            except (RedisError, OSError) as error:
                if not self._down:
                    log.warning("redis does not answer: error=%r", error)
                self._down = "Redis does not answer"
                self._tell()
                await asyncio.sleep(DOWN_GAP_S)

    async def follow(self, n: int) -> AsyncIterator[bytes]:
        """Server-sent events: `board` whenever there is a new one, `down` with the reason when there cannot be any."""
        me, seen = object(), -1
        self._asked[me] = n
        try:
            yield b"retry: 1000\n\n"
            while not self._closed:
                if seen == self._number or not (self._newest or self._down):
                    try:
                        async with asyncio.timeout(self._keepalive_s):
                            await self._moved.wait()
                    except TimeoutError:
                        yield b": still here\n\n"
                    continue
                seen = self._number
                yield self._frame(n)
        finally:
            del self._asked[me]

    def _tell(self) -> None:
        self._number += 1
        self._frames.clear()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _frame(self, n: int) -> bytes:
        """One event, encoded once for all who want as many entries."""
        if n not in self._frames:
            if self._down or self._newest is None:
                self._frames[n] = _event(b"down", {"reason": self._down})
            else:
                self._frames[n] = _event(b"board", {**self._newest, "top": self._newest["top"][:n], **self._note})
        return self._frames[n]


@contextlib.asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[None]:
    """The hub's task while the block lasts."""
    task = asyncio.create_task(hub.run(), name="push")
    task.add_done_callback(_ended)
    try:
        yield
    finally:
        hub.close()
        task.cancel()
        await asyncio.wait({task})


def _event(name: bytes, data: Record) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, orjson.dumps(data))


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error("push ended", exc_info=task.exception())
