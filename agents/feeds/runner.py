"""The runner of a live source: about once a second what was read goes to Kafka, and with it the cursor behind it.

So a process that is killed at any moment goes on where the last transaction ended: nothing is lost and nothing doubled, as far
as the source can give again what came after a cursor. Without transactions the cursor follows the acknowledgements.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from random import Random

from aiokafka.errors import KafkaError

from agents.feeds.behind import Behind
from agents.feeds.declared import declared
from agents.feeds.outlet import Outlet, Tail
from agents.feeds.reading import Reading
from agents.feeds.standing import Figures
from agents.feeds.tries import Tries
from streams.broker import cursor_log
from streams.clocks import Clocks
from streams.errors import CloutError, DependencyDown
from streams.formats.cursors import Cursor, encode
from streams.settings import Settings
from streams.sources.live import LiveSource

log = logging.getLogger("clout.feed")

EVERY_S = 1.0  #: between two commits
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0


class Runner:
    """Feeds from one source. `figures` is how it stands; one at a time runs for each source, of two the later goes on."""

    def __init__(
        self, settings: Settings, source: LiveSource, clocks: Clocks, dice: Random, limit: int | None = None
    ) -> None:
        """`limit`: end after so many events, or a little later."""
        self._settings, self._source, self._clocks, self._dice, self._limit = settings, source, clocks, dice, limit
        self._instance = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.figures = Figures(source.name, source.network, self._instance)
        self._known: Cursor | None = None
        self._begun = False
        self._declared = False  # a gap, by the connection to Kafka of now
        self.sent = 0  #: events that are there for good, since this process began

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set, the source has ended or the limit is reached. When Kafka goes away it is waited for.

        Raises DependencyDown when Kafka is not there at the start, and LostPlace, NotAllowed, TopicMismatch.
        """
        pause_s = _PAUSE_S
        while True:
            before = self.sent
            try:
                async with Outlet(self._settings, self._source.name) as outlet:
                    await self._session(outlet, stop)
                    return
            except DependencyDown as error:
                if not self._begun:
                    raise
                if self.sent > before:
                    pause_s = _PAUSE_S
                self.figures.lost(f"Kafka is away: {error}")
                log.warning("Kafka is away; nothing is lost, and it is tried again in %.1f s: %s", pause_s, error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)
                return
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _session(self, outlet: Outlet, stop: asyncio.Event) -> None:
        """With one connection to Kafka."""
        known = self._known = await self._cursor()
        self._declared = False
        self._begun = True
        figures, now_ms = self.figures, self._now_ms()
        figures.newest_ms, figures.events = (known.ts, known.events) if known else (0, 0)
        figures.skipped.clear()
        figures.skipped.update(known.skipped if known else {})
        behind = Behind(known.gap if known else None, figures.newest_ms, now_ms)
        tries = Tries(self._source.endpoints, self._dice, known.endpoint if known else "")
        reading = Reading(self._source, known.cursor if known else None, tries, behind, figures, self._clocks)
        log.info("begun source=%s instance=%s cursor=%s", figures.source, self._instance, known and known.cursor)
        task, stopping = asyncio.create_task(reading.run()), asyncio.create_task(stop.wait())
        try:
            while not (task.done() or stopping.done() or self._enough):
                await self._wait(reading, {task, stopping})
                await self._commit(outlet, reading, behind)
        finally:
            for one in (task, stopping):
                one.cancel()
            await asyncio.wait({task, stopping})
        if not task.cancelled():
            task.result()  # it has failed, or ended for good: then it is no gap
        else:
            behind.stopped(self._now_ms())
        figures.state = "stopped"
        await self._commit(outlet, reading, behind)

    @staticmethod
    async def _wait(reading: Reading, over: set[asyncio.Task[object]]) -> None:
        """Until it is time to write."""
        due = asyncio.create_task(reading.due.wait())
        await asyncio.wait({due, *over}, timeout=EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        due.cancel()

    async def _commit(self, outlet: Outlet, reading: Reading, behind: Behind) -> None:
        """What was read so far, with its cursor; if there is anything new."""
        known, figures, now_ms = self._known, self.figures, self._now_ms()
        figures.tick(self._clocks.monotonic_s())
        heap, gap = reading.take(), behind.look(now_ms)
        figures.gap = gap
        was = known.gap if known else None
        figures.skipped.update(heap.skipped)
        moved = heap.cursor != (known.cursor if known else None)
        if not (moved or heap.events or heap.missed or gap != was):
            return
        cursor = Cursor(
            source=self._source.name,
            cursor=heap.cursor,
            at=now_ms,
            ts=figures.newest_ms,
            instance=self._instance,
            endpoint=figures.endpoint,
            events=figures.events + len(heap.events),
            skipped=dict(figures.skipped),
            gap=gap,
        )
        declaring = self._settings, self._source.network, heap.missed, was, gap, now_ms
        policies = await declared(*declaring, again=self._declared)
        self._declared = self._declared or bool(policies)
        await outlet.write(heap.events, Tail(encode(cursor), policies, list(heap.names.items())))
        for missed in heap.missed:
            log.warning("missed source=%s since=%d until=%d", figures.source, *missed)
        if gap != was:
            log.warning("gap source=%s since=%s", figures.source, gap)
        self._known = cursor
        self.sent += len(heap.events)
        figures.events, figures.cursor, figures.committed_ms = cursor.events, cursor.cursor, self._now_ms()
        figures.commits += 1
        figures.names += len(heap.names)

    async def _cursor(self) -> Cursor | None:
        try:
            return (await cursor_log.read(self._settings)).get(self._source.name)
        except ValueError as error:
            raise CloutError(f"{error}; nothing was fed") from None
        except (KafkaError, OSError) as error:
            raise DependencyDown(f"Kafka at {self._settings.kafka} does not give the cursors ({error!r})") from None

    @property
    def _enough(self) -> bool:
        return self._limit is not None and self.sent >= self._limit

    def _now_ms(self) -> int:
        return int(self._clocks.wall_ms())
