"""Gaps: while a feed is broken nobody is woken because of it, then or later; what happens nevertheless is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import Event
from streams.fold.gaps import COLUMNS, LINE, REAL
from streams.fold.rows import MOVED
from streams.model import assess
from streams.model.alerts import Judge
from streams.model.gapped import compared_with, judged_scores
from streams.model.gaps import KEPT_MS, MOST_GAPS, Gap, Gaps, open_gap, with_gap
from streams.model.records import scored
from streams.model.rules import Rule, When, built_in
from streams.model.ruleset import RuleSet
from streams.model.score import shown, terms
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT, PLAIN
from streams.offline import Core
from streams.partition.outgoing import chunks
from streams.people.controls import Link
from streams.people.links import apply
from streams.policies.book import Book
from tests.model.world import HOUR_MS, T0, World, cut

USERS = 110
SILENT, LIVELY = "silent", "lively"
_spans = st.lists(st.tuples(st.integers(1, 40), st.one_of(st.none(), st.integers(1, 20))), min_size=1, max_size=5)


class Replay:
    """A partition as a worker runs it, by event time: folds, looks for who moved in silence, scores, judges."""

    def __init__(self, *gaps: Gaps, rules: tuple[Rule, ...] | None = None) -> None:
        self.world = World(DEFAULT)
        self.table = self.world.table
        self.rules = RuleSet(self.table)
        self.judge = Judge(self.table, self.rules)
        self.book = Book(built_in() if rules is None else rules, gaps=gaps)
        self.alerts: list[dict[str, Any]] = []
        self.version, self._ids = 0, 0

    def like(self, network: str, actor: str, target: str, ts: int, **more: Any) -> str:
        """One engagement; returns its id."""
        self._ids += 1
        id_ = str(self._ids)
        self.world.fold(("like", Event(id=id_, network=network, actor=actor, target=target, ts=ts, **more)))
        return id_

    def day(self, network: str, at_ms: int) -> None:
        """What comes from a network in a day: three likes for each user."""
        events = []
        for user in range(USERS):
            for n in range(3):
                self._ids += 1
                fan = f"f{(at_ms // DAY_MS * 3 + n + user) % 90}"
                events.append(
                    ("like", Event(id=str(self._ids), network=network, actor=fan, target=f"u{user}", ts=at_ms + n))
                )
        self.world.fold(*events)

    def interval(self, now_ms: int) -> list[dict[str, Any]]:
        """The alerts of an interval that ends so."""
        table = self.table
        self.rules.follow(self.book, now_ms)
        table.days.begin(now_ms)
        table.dirty[assess.moved(table, now_ms)] |= MOVED
        changed, marks = table.changed()
        self.version += 1
        found = []
        for chunk in chunks(table, self.judge, cut(table, changed, now_ms, marks), self.version):
            found += [orjson.loads(alert.value) for alert in chunk.judged.alerts]
        self.alerts += found
        return found


RULES = (Rule(name="day", when=When(falls=0.2)), Rule(name="week", when=When(falls=0.6, within="7d")))


def _replay(*gaps: Gaps) -> Replay:
    """Two networks for 24 days, of which one stops on the twelfth day for three."""
    replay = Replay(*gaps, rules=RULES)
    for day in range(24):
        begin_ms = T0 + day * DAY_MS
        for network in (SILENT, LIVELY):
            if network == LIVELY or not 12 <= day < 15:
                replay.day(network, begin_ms + HOUR_MS)
        for hour in range(2, 26, 3):
            replay.interval(begin_ms + hour * HOUR_MS)
    return replay


STOPPED = Gaps(network=SILENT, gaps=(Gap(since=T0 + 11 * DAY_MS + HOUR_MS, until=T0 + 15 * DAY_MS + HOUR_MS),))


def test_a_network_stops_for_three_days() -> None:
    """Without a gap more than a hundred idle alerts about its users; with it none, neither then nor in the nine days after."""
    off = _replay()
    raised = [alert for alert in off.alerts if alert["state"] == "raised"]
    assert len(raised) >= 100
    assert {alert["user"].partition(":")[0] for alert in raised} == {SILENT}
    assert {alert["cause"] for alert in raised if alert["rule"] == "day"} == {"idle"}
    on = _replay(STOPPED)
    assert on.alerts == []
    scores = [assess.population(one.table, T0 + 24 * DAY_MS) for one in (on, off)]
    assert (scores[0] == scores[1]).all(), "scores stay as they are"


def test_it_is_of_one_network() -> None:
    """A gap of the other one changes nothing."""
    other = Gaps(network=LIVELY, gaps=STOPPED.gaps)
    assert [alert["id"] for alert in _replay(other).alerts] == [alert["id"] for alert in _replay().alerts] != []


def _star(*gaps: Gap, rules: tuple[Rule, ...] | None = None) -> tuple[Replay, list[str]]:
    """Somebody with likes of forty fans until T0 + 5 days; and the ids of these likes."""
    replay = Replay(*([Gaps(network="net", gaps=gaps)] if gaps else []), rules=rules)
    ids = [replay.like("net", f"f{n}", "star", T0 + 4 * DAY_MS + n) for n in range(40)]
    replay.interval(T0 + 5 * DAY_MS - HOUR_MS)
    return replay, ids


BROKEN = Gap(since=T0 + 5 * DAY_MS)


def test_what_is_taken_back_in_a_gap_is_told() -> None:
    """The alert says the real change, what faded in the gap as a cause of its own, and the reason why it was raised."""
    replay, ids = _star(BROKEN)
    now_ms = T0 + 7 * DAY_MS
    assert replay.interval(now_ms) == []
    for n, ref in enumerate(ids[:30]):
        replay.like("net", f"f{n}", "", now_ms, undo=True, ref=ref)
    raised = [alert for alert in replay.interval(now_ms + HOUR_MS) if alert["user"] == "net:star"]
    assert {alert["rule"] for alert in raised} == {"day-fall"}
    (alert,) = raised
    assert alert["cause"] == "reversed"
    causes = {one["cause"]: one["points"] for one in alert["causes"]}
    assert causes["gap"] < 0
    assert "idle" not in causes
    assert alert["change"] == pytest.approx(alert["score"] - alert["reference"]["score"])
    assert sum(causes.values()) == pytest.approx(alert["change"])


def test_a_line_is_not_crossed_by_a_gap() -> None:
    """A line neither; but by what is taken back it is, even if it has been below it for long."""
    replay, ids = _star(BROKEN)
    score = float(assess.population(replay.table, T0 + 5 * DAY_MS)[replay.table.slot("net:star")])
    for gaps, least in ((), 1), ((BROKEN,), 0):
        replay, ids = _star(*gaps, rules=(Rule(name="line", when=When(below=score - 2.0)),))
        told = [replay.interval(T0 + 5 * DAY_MS + hour * HOUR_MS) for hour in range(0, 96, 2)]
        assert sum(map(len, told)) == least
    for n, ref in enumerate(ids[:20]):
        replay.like("net", f"f{n}", "", T0 + 9 * DAY_MS, undo=True, ref=ref)
    assert [alert["cause"] for alert in replay.interval(T0 + 9 * DAY_MS + HOUR_MS)] == ["reversed"]


def test_a_gap_that_is_declared_late() -> None:
    """What it had raised is over, and says why."""
    replay, _ = _star(rules=(Rule(name="fall", when=When(falls=0.5)),))
    (alert,) = replay.interval(T0 + 6 * DAY_MS - HOUR_MS)
    assert (alert["user"], alert["state"], alert["cause"]) == ("net:star", "raised", "idle")
    replay.book = replay.book._replace(gaps=(Gaps(network="net", gaps=(BROKEN,)),))
    replay.table.dirty[replay.table.slot("net:star")] |= MOVED
    (over,) = replay.interval(T0 + 6 * DAY_MS - HOUR_MS // 2)
    assert (over["state"], over["cause"]) == ("recovered", "gap")
    assert "what fades while a feed is silent does not count" in over["sentence"]


def test_rises_are_judged_by_the_real_score() -> None:
    """Somebody who has faded in a gap and comes back has not risen."""
    replay, _ = _star(BROKEN, rules=(Rule(name="rise", when=When(rises=0.5)),))
    replay.interval(T0 + 7 * DAY_MS + HOUR_MS)
    slot = replay.table.slot("net:star")
    before = assess.population(replay.table, T0 + 8 * DAY_MS)[slot]
    replay.like("net", "f41", "star", T0 + 8 * DAY_MS)
    after = assess.population(replay.table, T0 + 8 * DAY_MS)[slot]
    raised = replay.interval(T0 + 8 * DAY_MS + 1)
    assert bool(raised) == (after - before >= 0.5)


def test_it_says_beforehand_what_will_be_raised() -> None:
    """Also in a gap."""
    replay, ids = _star(BROKEN)
    now_ms = T0 + 6 * DAY_MS + HOUR_MS
    slots = np.arange(len(replay.table))
    replay.rules.follow(replay.book, now_ms)
    replay.table.days.begin(now_ms)
    assert not replay.judge.dry(slots, assess.scores(replay.table, slots, now_ms), now_ms)
    for n, ref in enumerate(ids[:30]):
        replay.like("net", f"f{n}", "", now_ms, undo=True, ref=ref)
    assert replay.judge.dry(slots, assess.scores(replay.table, slots, now_ms), now_ms)
    assert replay.interval(now_ms)


def test_read_so_much_earlier() -> None:
    """Of an account the engagements and actions are read so; of a person those of accounts of that network; the rest as it is."""
    world = World(PLAIN)
    table = world.table
    accounts = ["n:a", "m:b"]
    apply(table, [Link(account, "p", T0) for account in accounts])
    for network, user in (account.split(":") for account in accounts):
        for n in range(9):
            world.fold(("like", Event(id=f"{user}{n}", network=network, actor=f"f{n}", target=user, ts=T0 + n)))
    Core().sum_up(table)
    now_ms = T0 + 10 * DAY_MS
    table.days.begin(now_ms)
    slots = table.slots(["n:a", "m:b", "person:p", "n:f1"])
    scores = assess.scores(table, slots, now_ms)
    gaps = (Gaps(network="n", gaps=(Gap(since=T0 + 8 * DAY_MS, until=T0 + 9 * DAY_MS + HOUR_MS),)),)
    found = judged_scores(table, gaps, slots, scores, None, now_ms)
    assert found.shape == (4, COLUMNS)
    assert (found[:, REAL] == scores).all()
    assert (found[1] == scores[1]).all()
    records = [orjson.loads(one) for one in scored(table, slots, None, now_ms, 1).records]
    moments = [compared_with(window, now_ms, table.days.closed_ms) for window in range(4)]
    for column, moment in enumerate((*moments, 0), 1):
        covered = gaps[0].covered(moment, now_ms)
        then = terms(records[0], PLAIN, now_ms - covered)
        assert found[0, column] == pytest.approx(shown(then.mass, PLAIN))
        assert found[3, column] == pytest.approx(shown(terms(records[3], PLAIN, now_ms - covered).mass, PLAIN))
        # the person: half of the engagements are of each network
        assert scores[2] <= found[2, column] <= shown(terms(records[2], PLAIN, now_ms - covered).mass, PLAIN)
        both = (*gaps, Gaps(network="m", gaps=gaps[0].gaps))
        whole = judged_scores(table, both, slots, scores, None, now_ms)[2, column]
        engaged = terms(records[2], PLAIN, now_ms - covered).engagement
        now = terms(records[2], PLAIN, now_ms)
        assert whole == pytest.approx(shown(engaged + now.reach + now.participation + now.facts, PLAIN))
        halfway = now.engagement + (engaged - now.engagement) / 2
        assert found[2, column] == pytest.approx(shown(halfway + now.reach + now.participation, PLAIN))
    assert found[0, LINE] > scores[0]


def test_who_has_no_gap_pays_nothing() -> None:
    """One column: neither a gap of long ago, nor one to come, nor one of others makes more."""
    table = Table(PLAIN)
    slots, scores, now_ms = table.slots(["n:a"]), np.ones(1), T0 + 40 * DAY_MS
    table.days.begin(now_ms)
    some = [Gap(since=T0, until=now_ms - KEPT_MS), Gap(since=now_ms + 1), Gap(since=now_ms)]
    for gap, network in *((gap, "n") for gap in some), (Gap(since=T0), "m"):
        gaps = (Gaps(network=network, gaps=(gap,)),)
        assert judged_scores(table, gaps, slots, scores, None, now_ms).shape == (1, 1)
    assert judged_scores(table, (Gaps(network="n", gaps=(Gap(since=T0),)),), slots, scores, None, now_ms).shape[1] > 1


@given(spans=_spans, begin=st.integers(0, 40), size=st.integers(0, 40))
def test_covered(spans: list[tuple[int, int | None]], begin: int, size: int) -> None:
    """Each moment once, however they overlap."""
    gaps = Gaps(network="n", gaps=tuple(Gap(since=a, until=None if n is None else a + n) for a, n in spans))
    moments = range(begin, begin + size)
    wanted = sum(any(gap.on(moment) for gap in gaps.gaps) for moment in moments)
    assert gaps.covered(begin, begin + size) == wanted


def test_one_more() -> None:
    """The newest first, each beginning once, at most sixteen, none that is too old."""
    now_ms, gaps = T0 + 60 * DAY_MS, None
    for n in range(20):
        gaps = with_gap(gaps, "n", Gap(since=T0 + (40 + n) * HOUR_MS, until=now_ms - (n == 0) * KEPT_MS), now_ms)
    assert gaps
    assert [gap.since for gap in gaps.gaps] == [T0 + (59 - n) * HOUR_MS for n in range(MOST_GAPS)]
    assert open_gap(gaps) is None
    gaps = with_gap(gaps, "n", Gap(since=gaps.gaps[0].since), now_ms)
    assert len(gaps.gaps) == MOST_GAPS
    assert open_gap(gaps) == gaps.gaps[0]
    assert with_gap(None, "n", Gap(since=T0, until=T0 + 1), now_ms).gaps == ()
