"""From a cut to Kafka and Redis: what one partition sends for one interval."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from redis.exceptions import RedisError

from streams.broker import strays
from streams.broker.intake import Cut
from streams.broker.latency import Latency
from streams.broker.outgoing import Outgoing, Spread, chunks
from streams.broker.publisher import Publisher
from streams.broker.topics import ALERTS, ENGAGEMENTS, REJECTS, SCORES, STRAYS
from streams.model import engagements
from streams.model.alerts import FallRule
from streams.model.table import Table
from streams.model.windows import Floats
from streams.scoreboard.writer import Flush

log = logging.getLogger("clout.sending")

_CLOSES_CHUNK = 1_000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0  # between two tries at Redis

Closes = tuple[str, Floats]


class Board(Protocol):
    """Where scores are shown: `streams.scoreboard.writer.Writer`."""

    async def write(self, flush: Flush) -> int:
        """Write one chunk; returns the version found before."""


class Sender:
    """Sends the intervals of one partition, one at a time. `busy_s` is the time the last one kept the event loop."""

    def __init__(
        self,
        table: Table,
        number: int,
        publisher: Publisher,
        board: Board,
        rule: FallRule,
        *,
        topic: Callable[[str], str],
        generation: int,
        owner: str,
        wall_ms: Callable[[], float],
    ) -> None:
        self._table, self._number, self._publisher, self._board = table, number, publisher, board
        self._rule, self._topic, self._owner, self._wall_ms = rule, topic, owner, wall_ms
        self._version = generation << 32
        self._spread = Spread()
        self._anew = True  # the first call drops the histogram of whoever had the partition before
        self._counts = table.counts.as_dict()  # of what is in Redis: they move with the last chunk of an interval
        self.latency = Latency()
        self.busy_s = 0.0

    async def send(self, cut: Cut, closes: Iterable[Closes], *, last: bool = False) -> None:
        """Send an interval and the daily closes taken in it. Returns when all of it has arrived.

        Raises when Kafka fails. Redis is tried until it answers: it delays, it does not lose.
        """
        self.busy_s = 0.0
        await self._publisher.begin()
        for to, pack in cut.packs.items():
            await self._out(ENGAGEMENTS.name, to, ((None, record) for record in engagements.encode(pack, cut.clock)))
        for to, astray in cut.strays.items():
            await self._out(STRAYS.name, to, ((None, record) for record in strays.encode(astray)))
        await self._out(REJECTS.name, self._number, cut.rejects)
        for day, scores in closes:
            await self._close(day, scores, cut.now_ms)
        writing: asyncio.Task[None] | None = None
        began = time.thread_time()
        for chunk in chunks(self._table, self._spread, self._rule, self._number, cut, self._version + 1):
            self._version += 1
            if chunk.last:
                self._counts = cut.counts
            flush = self._flush(chunk, cut.now_ms)
            self.busy_s += time.thread_time() - began
            await self._out(SCORES.name, self._number, ((user.encode(), record) for user, _, record in chunk.users))
            await self._out(ALERTS.name, self._number, ((alert.user.encode(), alert.value) for alert in chunk.alerts))
            if writing:
                await writing
            writing = asyncio.create_task(self._write(flush))
            await asyncio.sleep(0)
            began = time.thread_time()
        if writing:
            await writing
        else:  # nothing changed: say that we are alive and how far we are
            self._version += 1
            self._counts = cut.counts
            await self._write(Flush(self._number, self._version, self._pulse(cut.now_ms)))
        self.latency.add(cut.times, self._wall_ms())
        positions = {(self._topic(name), self._number): at for name, at in cut.positions.items()}
        await self._publisher.commit(positions, last=last)

    async def _out(self, name: str, partition: int, records: Iterable[tuple[bytes | None, bytes]]) -> None:
        began = time.thread_time()
        await self._publisher.send(self._topic(name), partition, records)
        self.busy_s += time.thread_time() - began

    def _flush(self, chunk: Outgoing, now_ms: int) -> Flush:
        anew, self._anew = self._anew, False
        return Flush(
            self._number,
            self._version,
            self._pulse(now_ms),
            chunk.users,
            chunk.bins,
            chunk.updates,
            None,
            [alert.value for alert in chunk.alerts],
            anew,
        )

    async def _close(self, day: str, scores: Floats, now_ms: int) -> None:
        """The day's closes of all users, for their history."""
        names = self._table.names[: len(scores)]
        for start in range(0, len(names), _CLOSES_CHUNK):
            self._version += 1
            part = list(
                zip(names[start : start + _CLOSES_CHUNK], scores[start : start + _CLOSES_CHUNK].tolist(), strict=True)
            )
            await self._write(Flush(self._number, self._version, self._pulse(now_ms), closes=(day, part)))

    def _pulse(self, now_ms: int) -> dict[str, Any]:
        table = self._table
        return {
            "event_ts": table.clock,
            "as_of": now_ms,
            "owner": self._owner,
            "users": len(table),
            "model": table.model.name,
            "counts": self._counts,
            "latency": self.latency.sparse(),
            "latency_step_ms": 2,
        }

    async def _write(self, flush: Flush) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                found = await self._board.write(flush)
            except (RedisError, OSError) as error:
                log.warning(
                    "redis does not take scores: partition=%d error=%r retry_in_s=%.2f", self._number, error, pause_s
                )
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            if found > flush.version:
                log.warning("redis is ahead: partition=%d found=%d ours=%d", self._number, found, flush.version)
            return
