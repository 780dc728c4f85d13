"""From a cut to Kafka and Redis: what one partition sends for one interval."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.formats import engagements as packed
from streams.formats import state, strays
from streams.model import assess
from streams.model.alerts import FallRule, falls
from streams.model.days import Closes
from streams.model.table import Slots, Table
from streams.model.windows import Floats
from streams.partition.cut import Cut
from streams.partition.outgoing import CHUNK, Outgoing, chunks, glance
from streams.partition.ports import Publisher, Sent
from streams.scoreboard.flush import Flush
from streams.scoreboard.latency import Latency
from streams.scoreboard.pulse import pulse
from streams.scoreboard.spread import Histogram
from streams.scoreboard.view import MOST_WAITING, View
from streams.topics import ALERTS, ENGAGEMENTS, REJECTS, SCORES, STATE, STRAYS

_CLOSES_CHUNK = 1_000
_MANY_CALLS = MOST_WAITING // 2  # that wait for Redis: time to give it some
_REDIS_S = 2.0  # how much of it, at most once an interval
_STATE_CHUNK = 2_000  # rows encoded before the event loop gets a turn: 5 ms
_APPENDED = 1  # Kafka's LogAppendTime
LAST_VIEW_S = 1.0  # how long the last commit waits for Redis: what it then lacks is shown again by who takes over


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
        topic_ids: dict[str, str],
        generation: int,
        closed: int,
        owner: str,
        wall_ms: Callable[[], float],
        cpu_s: Callable[[], float],
    ) -> None:
        self._table, self._number, self._publisher, self._view = table, number, publisher, view
        self._rule, self._topic, self._owner, self._wall_ms, self._cpu_s = rule, topic, owner, wall_ms, cpu_s
        self._topic_ids, self._closed = topic_ids, closed
        self._generation, self._version = generation, generation << 32
        self._spread = Histogram()
        self._patient = True  # does Redis answer in time in this interval?
        self._anew = True  # the first call drops the histogram of whoever had the partition before
        self._counts = table.counts.as_dict()  # of what is in Redis: they move with the last chunk of an interval
        self.latency = Latency()
        self.busy_s = 0.0
        self.commits = 0
        self.broker_ahead_ms = 0.0  #: at the last commit, at least; needs a `state` that Kafka stamps itself
        self.committed_ms = 0.0  #: when Kafka last had everything; 0: not yet
        self.kept: tuple[state.Header, int] | None = (
            None  #: the last header committed, and the end of `state` behind it
        )

    @property
    def version(self) -> int:
        """The last one given to a Redis call."""
        return self._version

    async def send(
        self, cut: Cut, closes: Iterable[Closes], *, last: bool = False, shown: Callable[[], bool] = lambda: True
    ) -> None:
        """Send an interval and the daily closes taken in it. Returns when Kafka has all of it; raises when Kafka fails.

        `shown` says whether Redis has everyone as soon as it has this version: not while users wait to be shown again.
        """
        self.busy_s, self._patient = 0.0, True
        await self._publisher.begin()
        for to, pack in cut.packs.items():
            await self._out(ENGAGEMENTS.name, to, ((None, record) for record in packed.encode(pack, cut.clock)))
        for to, astray in cut.strays.items():
            await self._out(STRAYS.name, to, ((None, record) for record in strays.encode(astray)))
        await self._out(REJECTS.name, self._number, cut.rejects)
        for day, scores in closes:
            await self._close(day, scores, cut.now_ms)
        began = self._cpu_s()
        for chunk in chunks(self._table, self._spread, self._rule, self._number, cut, self._next_version):
            if chunk.last:
                self._counts = cut.counts
            self._view.put(self._shown(chunk, cut.now_ms), self._noted(cut.times) if chunk.last else None)
            self.busy_s += self._cpu_s() - began
            await self._out(SCORES.name, self._number, ((user.encode(), record) for user, _, record in chunk.users))
            await self._out(ALERTS.name, self._number, ((alert.user.encode(), alert.value) for alert in chunk.alerts))
            await self._turn()
            began = self._cpu_s()
        if not len(cut.changed):  # say that we are alive and how far we are
            self._version += 1
            self._counts = cut.counts
            self._view.put(self._flush(cut.now_ms), self._noted(cut.times))
        if last:  # the next owner looks at what Redis shows
            await self._view.drained(LAST_VIEW_S)
        kept = await self._keep(cut, shown)
        positions = {(self._topic(name), self._number): at for name, at in cut.positions.items()}
        await self._publisher.commit(positions, last=last)
        self.commits, self.committed_ms = self.commits + 1, self._wall_ms()
        if kept:
            header, sent, before_ms = kept
            written = await sent
            self.kept = header, written.offset + 2  # the header and the marker of the transaction
            self.broker_ahead_ms = _ahead_ms(written, before_ms, self.committed_ms)

    def glance(self, slots: Slots, times: list[NDArray[np.int64]], now_ms: int) -> None:
        """Show these users in Redis now; the interval that publishes and keeps them follows."""
        for start in range(0, len(slots), CHUNK):
            part = slots[start : start + CHUNK]
            seen = glance(self._table, self._spread, self._number, part, now_ms, self._next_version())
            last = start + CHUNK >= len(slots)
            self._view.put(self._shown(seen, now_ms), self._noted(times) if last else None)

    def alerts_at(self, slots: Slots, now_ms: int) -> bool:
        """Has an alert to be raised about one of these users?"""
        found = assess.scores(self._table, slots, now_ms)
        return bool(falls(self._table, slots, found, now_ms, self._rule).any())

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    async def _keep(self, cut: Cut, shown: Callable[[], bool]) -> tuple[state.Header, Sent, float] | None:
        """The rows that changed and the header go to `state`; returns the header, its batch, and when it was sent (ms)."""
        if not self._publisher.transactional:
            return None
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
            topics=self._topic_ids,
            clock=cut.clock,
            day=cut.day,
            closed_ms=cut.closed_ms,
            closed=self._closed,
            half_lives_ms=lives,
            counts=cut.counts,
            shown=shown(),
            model=self._table.model.name,
        )
        before_ms = self._wall_ms()
        sent = await self._out(STATE.name, self._number, [state.header_record(header)])
        return (header, sent, before_ms) if sent else None

    def _noted(self, times: list[NDArray[np.int64]]) -> Callable[[], None]:
        return lambda: self.latency.add(times, self._wall_ms())

    async def _out(self, name: str, partition: int, records: Iterable[tuple[bytes | None, bytes]]) -> Sent | None:
        began = self._cpu_s()
        sent = await self._publisher.send(self._topic(name), partition, records)
        self.busy_s += self._cpu_s() - began
        return sent

    async def stop(self) -> None:
        """The partition is let go."""
        await self._publisher.stop()

    def show_anew(self) -> None:
        """The next call to Redis drops the histogram: everyone follows."""
        self._anew, self._spread = True, Histogram()

    def shown_before(self, scores: Floats) -> None:
        """What Redis shows after a take-over: the histogram starts from these scores."""
        shown = scores[scores > 0]
        self._spread.move(np.zeros_like(shown), shown)

    def _shown(self, chunk: Outgoing, now_ms: int) -> Flush:
        alerts = [alert.value for alert in chunk.alerts]
        return self._flush(now_ms, users=chunk.users, bins=chunk.bins, updates=chunk.updates, alerts=alerts)

    def _flush(self, now_ms: int, **content: Any) -> Flush:
        """A call under the version of now. The first one drops the histogram of whoever had the partition before."""
        if self._anew:
            content["bins"], self._anew = self._spread.filled(), False
            content["anew"] = True
        return Flush(self._number, self._version, self._pulse(now_ms), **content)

    async def _turn(self) -> None:
        """The others' turn. Redis gets time, if it answers: an interval of very many calls is not the same as Redis being down."""
        if self._patient and self._view.behind >= _MANY_CALLS:
            self._patient = await self._view.drained(_REDIS_S)
        else:
            await asyncio.sleep(0)

    async def _close(self, day: str, scores: Floats, now_ms: int) -> None:
        """The day's closes of all users, for their history."""
        names = self._table.names[: len(scores)]
        self._closed = self._version + 1 if names else self._closed
        for start in range(0, len(names), _CLOSES_CHUNK):
            self._version += 1
            part = slice(start, start + _CLOSES_CHUNK)
            closes = list(zip(names[part], scores[part].tolist(), strict=True))
            self._view.put(self._flush(now_ms, closes=(day, closes)))
            await self._turn()

    def _pulse(self, now_ms: int) -> dict[str, Any]:
        latency, shown = self.latency.sparse(), self._spread.population
        return pulse(self._table, now_ms, self._owner, self._counts, latency, shown, self._closed)


def _ahead_ms(written: Any, before_ms: float, after_ms: float) -> float:
    """How far the clock that stamped a record, sent between these two of our moments, is ahead at least; 0 when it may agree."""
    if getattr(written, "timestamp_type", 0) != _APPENDED:
        return 0.0
    return float(max(written.timestamp - after_ms, 0.0) + min(written.timestamp - before_ms, 0.0))
