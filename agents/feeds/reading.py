"""Reading a live source over one connection after the other, into a bounded heap that the runner takes away."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field

from agents.feeds.behind import Behind
from agents.feeds.standing import Figures
from agents.feeds.tries import Tries
from streams.clocks import Clocks
from streams.errors import CloutError
from streams.events import MAX_EVENT_BYTES
from streams.formats import names
from streams.sources.live import MOST_CURSOR_BYTES, Batch, LiveSource, Lost, Missed
from streams.sources.record import Produced

log = logging.getLogger("clout.feed")

MOST_EVENTS, MOST_BYTES = 20_000, 16_000_000  #: that wait to be written; with more nothing is read
_TURN = 200  # batches between two turns of the event loop: a source that never has to wait must not keep it
_FIRST = 2.0  # the first of a connection may take so many times as long: a server looks for an old cursor
_SHORTEST_MISSED_MS = 1_000
TOO_LARGE = "larger than an event may be"


@dataclass(slots=True)
class Heap:
    """What was read since the runner last took it away."""

    events: list[Produced] = field(default_factory=list)
    size_bytes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    missed: list[Missed] = field(default_factory=list)
    cursor: str | None = None
    names: dict[bytes, bytes | None] = field(default_factory=dict)  #: records of the topic `names`, the latest of each key

    @property
    def full(self) -> bool:
        """Is it time to write?"""
        return len(self.events) + len(self.names) >= MOST_EVENTS or self.size_bytes >= MOST_BYTES


class Reading:
    """`run` reads until it is cancelled, or until the source has ended for good; `take` empties the heap."""

    def __init__(
        self, source: LiveSource, cursor: str | None, tries: Tries, behind: Behind, figures: Figures, clocks: Clocks
    ) -> None:
        self._source, self._at, self._tries = source, cursor, tries
        self._behind, self._figures, self._clocks = behind, figures, clocks
        self._heap = Heap(cursor=cursor)
        self._room = asyncio.Event()
        self.due = asyncio.Event()  #: the heap is full

    def take(self) -> Heap:
        """What was read meanwhile; there is room again."""
        heap, self._heap = self._heap, Heap(cursor=self._at)
        self.due.clear()
        self._room.set()
        return heap

    async def run(self) -> None:
        """Raises CloutError for a mistake of the source that no other connection mends."""
        while True:
            figures, began = self._figures, self._at
            figures.endpoint = self._tries.endpoint
            wait_s: float | None = None
            try:
                await self._connection()
            except Lost as error:
                reason, wait_s = str(error), error.wait_s
            except TimeoutError:
                reason = "silent for too long"
            else:
                return
            figures.lost(reason)
            self._behind.lost(int(self._clocks.wall_ms()))
            pause_s = self._tries.over(self._clocks.monotonic_s(), gave=self._at != began, wait_s=wait_s)
            log.warning(
                "lost source=%s endpoint=%s reason=%r pause_s=%.1f",
                *(figures.source, figures.endpoint, reason, pause_s),
            )
            await asyncio.sleep(pause_s)

    async def _connection(self) -> None:
        """One of them, until it ends. Raises Lost, TimeoutError."""
        source, loop, stall_s = self._source, asyncio.get_running_loop(), self._source.stall_s
        given, looked_s = 0, loop.time()
        async with (
            asyncio.timeout(None if stall_s is None else stall_s * _FIRST) as deadline,
            aclosing(source.events(self._tries.endpoint, self._at)) as batches,
        ):
            async for batch in batches:
                self._put(batch, first=not given)
                given += 1
                if self._heap.full:
                    self.due.set()
                    deadline.reschedule(None)  # it is we who do not read
                    await self._wait_for_room()
                elif given % _TURN:
                    now_s = loop.time()
                    if stall_s is None or now_s - looked_s < stall_s / 4:
                        continue
                    looked_s = now_s
                else:
                    await asyncio.sleep(0)
                if stall_s is not None:
                    deadline.reschedule(loop.time() + stall_s)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        while self._heap.full:
            await self._room.wait()
            self._room.clear()

    def _put(self, batch: Batch, *, first: bool) -> None:
        heap, figures, now_ms = self._heap, self._figures, int(self._clocks.wall_ms())
        if len(batch.cursor) > MOST_CURSOR_BYTES:
            raise CloutError(
                f"the cursor of {self._source.name} has {len(batch.cursor):,} characters; at most {MOST_CURSOR_BYTES:,}"
            )
        for event in batch.events:
            if len(event.value) > MAX_EVENT_BYTES:
                heap.skipped[TOO_LARGE] += 1
            else:
                heap.events.append(event)
                heap.size_bytes += len(event.value)
        heap.names.update(names.encode(one, batch.ts) for one in batch.names)
        if batch.skipped:
            heap.skipped.update(batch.skipped)
        if first:
            self._first(batch, now_ms)
        if batch.missed:
            heap.missed.append(batch.missed)
        self._at = heap.cursor = batch.cursor
        if batch.ts:
            figures.newest_ms = max(figures.newest_ms, batch.ts)
            self._behind.heard(batch.ts, now_ms)

    def _first(self, batch: Batch, now_ms: int) -> None:
        """Of a connection."""
        figures = self._figures
        figures.state = "reading"
        lag_ms = now_ms - batch.ts if batch.ts else None
        log.info("reading source=%s endpoint=%s lag_ms=%s", figures.source, figures.endpoint, lag_ms)
        before_ms = figures.newest_ms
        if not self._source.replays and before_ms and batch.ts - before_ms >= _SHORTEST_MISSED_MS:
            self._heap.missed.append(Missed(before_ms, batch.ts))
