"""From a cut to Kafka and Redis: what one partition sends for one interval."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.broker import state, strays
from streams.broker.intake import Cut
from streams.broker.latency import STEP_MS, Latency
from streams.broker.outgoing import CHUNK, Outgoing, Spread, chunks, glance
from streams.broker.publisher import Publisher
from streams.broker.topics import ALERTS, ENGAGEMENTS, REJECTS, SCORES, STATE, STRAYS
from streams.broker.view import View
from streams.model import engagements
from streams.model.alerts import FallRule
from streams.model.table import Slots, Table
from streams.model.windows import Floats
from streams.scoreboard.writer import Flush

_CLOSES_CHUNK = 1_000
_STATE_CHUNK = 2_000  # rows encoded before the event loop gets a turn: 5 ms
_SHOWN_WITHIN_S = 0.1  # how long a commit waits for Redis, so that the header can say it has everything

Closes = tuple[str, Floats]


class Sender:
    """Sends the intervals of one partition, one at a time. `busy_s` is the time the last one kept the event loop."""

    def __init__(
        self,
        table: Table,
        number: int,
        publisher: Publisher,
        view: View,
        rule: FallRule,
        *,
        topic: Callable[[str], str],
        generation: int,
        owner: str,
        wall_ms: Callable[[], float],
    ) -> None:
        self._table, self._number, self._publisher, self._view = table, number, publisher, view
        self._rule, self._topic, self._owner, self._wall_ms = rule, topic, owner, wall_ms
        self._generation, self._version = generation, generation << 32
        self._spread = Spread()
        self._anew = True  # the first call drops the histogram of whoever had the partition before
        self._counts = table.counts.as_dict()  # of what is in Redis: they move with the last chunk of an interval
        self.latency = Latency()
        self.busy_s = 0.0

    async def send(self, cut: Cut, closes: Iterable[Closes], *, last: bool = False, shown: bool = True) -> None:
        """Send an interval and the daily closes taken in it. Returns when Kafka has all of it; raises when Kafka fails.

        `shown` is False while users wait to be shown again in Redis: then the header says so.
        """
        self.busy_s = 0.0
        await self._publisher.begin()
        for to, pack in cut.packs.items():
            await self._out(ENGAGEMENTS.name, to, ((None, record) for record in engagements.encode(pack, cut.clock)))
        for to, astray in cut.strays.items():
            await self._out(STRAYS.name, to, ((None, record) for record in strays.encode(astray)))
        await self._out(REJECTS.name, self._number, cut.rejects)
        for day, scores in closes:
            self._close(day, scores, cut.now_ms)
        began = time.thread_time()
        for chunk in chunks(self._table, self._spread, self._rule, self._number, cut, self._next_version):
            if chunk.last:
                self._counts = cut.counts
            self._view.put(self._flush(chunk, cut.now_ms), self._noted(cut.times) if chunk.last else None)
            self.busy_s += time.thread_time() - began
            await self._out(SCORES.name, self._number, ((user.encode(), record) for user, _, record in chunk.users))
            await self._out(ALERTS.name, self._number, ((alert.user.encode(), alert.value) for alert in chunk.alerts))
            await asyncio.sleep(0)
            began = time.thread_time()
        if not len(cut.changed):  # say that we are alive and how far we are
            self._version += 1
            self._counts = cut.counts
            self._view.put(Flush(self._number, self._version, self._pulse(cut.now_ms)), self._noted(cut.times))
        if self._publisher.transactional:
            await self._keep(cut, shown)
        positions = {(self._topic(name), self._number): at for name, at in cut.positions.items()}
        await self._publisher.commit(positions, last=last)

    def glance(self, slots: Slots, times: list[NDArray[np.int64]], now_ms: int) -> None:
        """Show these users in Redis now; the interval that publishes and keeps them follows."""
        for start in range(0, len(slots), CHUNK):
            part = slots[start : start + CHUNK]
            seen = glance(self._table, self._spread, self._number, part, now_ms, self._next_version())
            last = start + CHUNK >= len(slots)
            self._view.put(self._flush(seen, now_ms), self._noted(times) if last else None)

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    async def _keep(self, cut: Cut, shown: bool) -> None:
        """The rows that changed and the header go to `state`."""
        lives = self._table.model.half_lives_ms
        kept = state.records(cut, lives)
        while some := list(itertools.islice(kept, _STATE_CHUNK)):
            await self._out(STATE.name, self._number, some)
            await asyncio.sleep(0)
        header = state.Header(
            generation=self._generation,
            version=self._version,
            now_ms=cut.now_ms,
            positions=cut.positions,
            clock=cut.clock,
            day=self._table.day,
            half_lives_ms=lives,
            counts=cut.counts,
            shown=shown and await self._view.drained(_SHOWN_WITHIN_S),
        )
        await self._out(STATE.name, self._number, [state.header_record(header)])

    def _noted(self, times: list[NDArray[np.int64]]) -> Callable[[], None]:
        return lambda: self.latency.add(times, self._wall_ms())

    async def _out(self, name: str, partition: int, records: Iterable[tuple[bytes | None, bytes]]) -> None:
        began = time.thread_time()
        await self._publisher.send(self._topic(name), partition, records)
        self.busy_s += time.thread_time() - began

    async def stop(self) -> None:
        """The partition is let go."""
        await self._publisher.stop()

    def show_anew(self) -> None:
        """The next call to Redis drops the histogram: everyone follows."""
        self._anew, self._spread = True, Spread()

    def shown_before(self, scores: Floats) -> None:
        """What Redis shows after a take-over: the histogram starts from these scores."""
        self._spread.move(np.zeros_like(scores), scores)

    def _flush(self, chunk: Outgoing, now_ms: int) -> Flush:
        anew, self._anew = self._anew, False
        bins = self._spread.filled() if anew else chunk.bins
        return Flush(
            self._number,
            self._version,
            self._pulse(now_ms),
            chunk.users,
            bins,
            chunk.updates,
            None,
            [alert.value for alert in chunk.alerts],
            anew,
        )

    def _close(self, day: str, scores: Floats, now_ms: int) -> None:
        """The day's closes of all users, for their history."""
        names = self._table.names[: len(scores)]
        for start in range(0, len(names), _CLOSES_CHUNK):
            self._version += 1
            part = slice(start, start + _CLOSES_CHUNK)
            closes = list(zip(names[part], scores[part].tolist(), strict=True))
            self._view.put(Flush(self._number, self._version, self._pulse(now_ms), closes=(day, closes)))

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
            "latency_step_ms": STEP_MS,
        }
