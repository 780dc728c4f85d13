"""From a cut to Kafka: what one partition sends for one interval."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from streams.clocks import Clocks
from streams.fold.rows import MOVED
from streams.formats import engagements as packed
from streams.formats import episodes, feeds, lines, ranks, state, strays, tied
from streams.formats.ranks import Counted
from streams.model import assess
from streams.model.alerts import Judge
from streams.model.cases import Alert
from streams.model.feed_alerts import Told
from streams.model.feeds import LIMITS
from streams.model.ruleset import RuleSet
from streams.model.silence import Silence
from streams.model.table import Table
from streams.model.users import Slots
from streams.partition.alerted import Alerted
from streams.partition.cut import Cut
from streams.partition.feed_home import Home, Said
from streams.partition.feeds import Feeding
from streams.partition.outgoing import chunks
from streams.partition.ports import Publisher, Records, Written
from streams.partition.ranks import HOME, Lines, counts
from streams.partition.ranks import Telling as Spreading
from streams.people import telling
from streams.policies.book import Book
from streams.scoreboard.flush import Versions
from streams.topics import ALERTS, ENGAGEMENTS, POLICIES, REJECTS, SCORES, STATE, STRAYS

_STATE_CHUNK = 2_000  # users whose rows are encoded before the event loop gets a turn: 1 ms


class Outlet(NamedTuple):
    """Where a partition's output goes, and what its headers say of it."""

    number: int
    topic: Callable[[str], str]  #: base name to full name
    topic_ids: dict[str, str]  #: base name to the id of the topic that positions are of
    partitions: int = 1  #: of each topic
    lines_s: float = 60.0  #: least seconds between two looks at where percentiles and the top N begin
    feeding: Feeding | None = None  #: what is told of feeds; None: nothing


class Sender:
    """Sends the intervals of one partition, one at a time. `busy_s` is the CPU time that the last one took of the event loop."""

    def __init__(
        self,
        table: Table,
        publisher: Publisher,
        outlet: Outlet,
        book: Callable[[], Book],
        versions: Versions,
        clocks: Clocks,
        home: Home | None = None,
    ) -> None:
        self._table, self._publisher, self._outlet, self._book = table, publisher, outlet, book
        self._rules, self._followed = RuleSet(table), book()
        self._judge, self._silence = Judge(table, self._rules), Silence(table, self._rules)
        self._touched: list[Slots] = []  #: of whom rules keep something else since the last commit
        self._spreading, self._lines = Spreading(outlet.lines_s), Lines(outlet.partitions, outlet.lines_s)
        self._counted: Counted | None = None  #: what this interval tells of the scores before it
        self.home = home or Home(outlet.number, outlet.partitions, LIMITS)
        self.feeding = outlet.feeding or Feeding()
        self._versions, self._clocks = versions, clocks
        self.busy_s = 0.0
        self.alerted = Alerted()
        self.commits = 0
        self.begun = 0  #: see `Header`; what the next commit says, and none after it
        self.broker_ahead_ms = 0.0  #: at the last commit, at least; needs a `state` that Kafka stamps itself
        self.committed_ms = 0.0  #: when Kafka last had everything; 0: not yet
        self.kept: tuple[state.Header, int] | None = (
            None  #: the last header committed, and the end of `state` behind it
        )

    async def send(
        self, cut: Cut, version: int, scored: Callable[[], None] = lambda: None, *, last: bool = False
    ) -> list[bytes]:
        """Send an interval under this version. Returns the alerts in it, once Kafka has all of it; raises when Kafka fails.

        `scored` is called when all users of the cut are scored and judged: until then the table must stay as it was at the cut.
        """
        self.busy_s, self._publisher.busy_s = 0.0, 0.0
        await self._publisher.begin()
        for to, pack in cut.packs.items():
            await self._out(ENGAGEMENTS.name, to, ((None, record) for record in packed.encode(pack, cut.clock)))
        for to, some in telling.homes(cut.telling, self._outlet.partitions):
            told = lines.encode(cut.telling, some, cut.rows, version, cut.clock)
            await self._out(ENGAGEMENTS.name, to, ((None, record) for record in told))
        for to, astray in cut.strays.items():
            await self._out(STRAYS.name, to, ((None, record) for record in strays.encode(astray)))
        if self._counted:
            await self._out(ENGAGEMENTS.name, HOME, [(None, ranks.encode(self._counted, cut.clock))])
        for to, heard in self.feeding.told(cut, version):
            await self._out(ENGAGEMENTS.name, to, [(None, feeds.encode(heard, cut.clock))])
        said = self.home.said(cut.heard, self._followed, Told(cut.now_ms, self._rules.offset, version))
        moved = [*(self._moved_lines(cut) if self._outlet.number == HOME else ()), *said.policies]
        if moved:
            await self._out(POLICIES.name, 0, moved)
        await self._out(REJECTS.name, self._outlet.number, cut.rejects)
        alerts = await self._scores(cut, version)
        scored()
        if said.alerts:
            of_feeds = ((alert.network.encode(), alert.value) for alert in said.alerts)
            await self._out(ALERTS.name, self._outlet.number, of_feeds)
        header = await self._keep(cut, version, said) if self._publisher.transactional else None
        positions = {(self._outlet.topic(name), self._outlet.number): at for name, at in cut.positions.items()}
        self.busy_s += self._publisher.busy_s
        before_ms = self._clocks.wall_ms()
        written = await self._publisher.commit(positions, last=last)
        self.commits, self.committed_ms, self.begun = self.commits + 1, self._clocks.wall_ms(), 0
        self.alerted.committed(alerts)
        self._rules.judged()
        self._touched = []
        if moved:
            end = written[self._outlet.topic(POLICIES.name), 0].end
            self._lines.committed(end)
            self.home.committed(end)
        if header:
            rows = written[self._outlet.topic(STATE.name), self._outlet.number]
            self.kept = header, rows.end + 1  # and the marker of the transaction
            self.broker_ahead_ms = _ahead_ms(rows, before_ms, self.committed_ms)
        return [alert.value for alert in alerts] + [alert.value for alert in said.alerts]

    def follow(self, now_ms: int, version: int) -> None:
        """An interval is about to be cut, and judged by the rules and lines of this moment: who is left behind is marked.

        What they are compared with is what was published, so how that is spread is counted here.
        """
        self._followed = self._book()
        if self._rules.follow(self._followed, now_ms):
            self._forget_rules()
        self._table.dirty[self._rules.left_behind()] |= MOVED
        self._counted = None
        if self._rules.asked and self._spreading.due(now_ms):
            self._counted = Counted(self._outlet.number, version, counts(self._table, now_ms))

    def judged_by(self, lines: Mapping[str, float]) -> None:
        """The lines of the last header: who falls out because one has risen since is told of."""
        self._rules.lines = dict(lines)

    def _moved_lines(self, cut: Cut) -> list[tuple[bytes, bytes | None]]:
        """Records of `policies`: lines that have moved, by what partitions had told at the cut."""
        book = self._followed
        return self._lines.records(cut.counted, self._rules.asked, book.lines, book.offset, cut.now_ms)

    def alerts_at(self, slots: Slots, now_ms: int, *, urgent: bool = False) -> bool:
        """Has an alert to be raised about one of these users, or one by a rule that is urgent?"""
        return self._judge.dry(slots, assess.scores(self._table, slots, now_ms), now_ms, urgent=urgent)

    def due(self, first: int, most: int, now_ms: int) -> Slots:
        """Of so many users from a slot on: whom rules have to look at though nothing has happened to them."""
        return self._silence.look(first, most, now_ms)

    @property
    def urgent(self) -> bool:
        """Is a rule in force that does not wait for the end of an interval?"""
        return any(rule.urgent for rule in self._rules.rules)

    def _forget_rules(self) -> None:
        """What is kept of rules that are not in force any more goes."""
        table, known = self._table, set(self._rules.keys)
        owners = table.episodes.owners(known)
        for slot in owners.tolist():
            for one in table.episodes.of(table.cells, slot):
                if one.rule not in known:
                    table.episodes.drop(table.cells, slot, one.rule)
        self._touched.append(owners)

    async def stop(self) -> None:
        """The partition is let go."""
        await self._publisher.stop()

    async def _scores(self, cut: Cut, version: int) -> list[Alert]:
        """Score records and alerts of everyone who changed; returns the alerts."""
        raised: list[Alert] = []
        number, clock = self._outlet.number, self._clocks.cpu_s
        began_s = clock()
        for chunk in chunks(self._table, self._judge, cut, version):
            self.busy_s += clock() - began_s
            alerts = chunk.judged.alerts
            raised += alerts
            self._touched.append(chunk.judged.touched)
            self.alerted.held_back(chunk.judged.suppressed)
            await self._out(SCORES.name, number, chunk.records)
            await self._out(ALERTS.name, number, ((alert.user.encode(), alert.value) for alert in alerts))
            await asyncio.sleep(0)
            began_s = clock()
        return raised

    async def _keep(self, cut: Cut, version: int, said: Said) -> state.Header:
        """The rows that changed and the header go to `state`."""
        lives = self._table.model.half_lives_ms
        began_s = self._clocks.cpu_s()
        for some in state.chunks(cut, lives, _STATE_CHUNK):
            self.busy_s += self._clocks.cpu_s() - began_s
            await self._out(STATE.name, self._outlet.number, some)
            await asyncio.sleep(0)
            began_s = self._clocks.cpu_s()
        kept = episodes.records(self._table, episodes.changed(self._touched))
        for records in (*tied.parts(cut.tied), cut.closes, kept):
            await self._out(STATE.name, self._outlet.number, records)
        if of_feeds := [*feeds.records(said.changed), *feeds.removals(said.gone)]:
            await self._out(STATE.name, self._outlet.number, of_feeds)
        header = state.Header(
            generation=self._versions.generation,
            version=version,
            now_ms=cut.now_ms,
            positions=cut.positions,
            turns=cut.turns,
            topics=self._outlet.topic_ids,
            clock=cut.clock,
            day=cut.day,
            closed_ms=cut.closed_ms,
            half_lives_ms=lives,
            counts=cut.counts,
            model=self._table.model.name,
            models=self._table.models,
            origin=self._table.origin,
            begun=self.begun,
            published_from=self._table.published_from,
            policies=self._rules.offset,
            lines=self._rules.lines,
        )
        await self._out(STATE.name, self._outlet.number, [state.header_record(header)])
        return header

    async def _out(self, name: str, partition: int, records: Records) -> None:
        await self._publisher.send(self._outlet.topic(name), partition, records)


def _ahead_ms(written: Written, before_ms: float, after_ms: float) -> float:
    """How far the clock that stamped a record, sent between these two of our moments, is ahead at least; 0 when it may agree."""
    if written.broker_ms is None:
        return 0.0
    return max(written.broker_ms - after_ms, 0.0) + min(written.broker_ms - before_ms, 0.0)
