"""Alerts: raised once, over when it is better again, quiet for the cooldown; by rules of every sort, beside a plain one."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.proof.plain_rules import MOST, Plain
from streams.fold.days import NONE
from streams.fold.episodes import FIRING, IGNORED
from streams.fold.published import noted
from streams.fold.rows import MOVED, PUBLISHED, SCORE
from streams.model.alerts import Judge
from streams.model.assess import population
from streams.model.episodes import Episode
from streams.model.ranks import asked
from streams.model.records import scored
from streams.model.rules import WITHIN_MS, Rule, ScoreLine, When, Who, built_in
from streams.model.ruleset import RuleSet, key_of
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN
from streams.partition.outgoing import CHUNK, chunks
from streams.people.controls import Link, Unlink
from streams.people.links import apply
from streams.policies.book import Book
from streams.scoreboard.spread import Histogram
from tests.model.closed import close_at
from tests.model.world import HOUR_MS, T0, World, cut, event

RULE = built_in(points=5.0)[0]
WINDOWS = tuple(WITHIN_MS)


class Watched:
    """Users judged again and again, as if they scored and had closed so."""

    def __init__(self, *rules: Rule, close: float = 50.0, users: int = 1) -> None:
        self.table, self.rules = Table(PLAIN), RuleSet(Table(PLAIN))
        self.slots = self.table.slots([f"net:u{n}" for n in range(users)])
        self.table.days.begin(T0)
        self.rules = RuleSet(self.table)
        self.book = Book(rules or (RULE,))
        self.judge = Judge(self.table, self.rules)
        self.refs, self.version = np.full((users, 4), close), 0

    def at(self, score: float, hours: float = 0) -> list[str]:
        """States of the alerts when everyone's score is that, so many hours after the start."""
        return [body["state"] for body in self.bodies(score, hours)]

    def asked(self, score: float, hours: float = 0) -> bool:
        """Would one be raised? By the scores of a close of everyone at T0."""
        now_ms = T0 + round(hours * HOUR_MS)
        self.rules.follow(self.book, now_ms)
        return self.judge.dry(self.slots, np.full(len(self.slots), score), now_ms)

    def bodies(self, score: float, hours: float = 0, marks: int = 0, most: int = MOST) -> list[dict[str, Any]]:
        """The alerts, at most so many."""
        self.version += 1
        now_ms, n = T0 + round(hours * HOUR_MS), len(self.slots)
        self.rules.follow(self.book, now_ms)
        real = scored(self.table, self.slots, None, now_ms, self.version)
        done = real._replace(scores=np.full(n, score), hour=self.refs[:, 0], closes=self.refs[:, 1:])
        found = self.judge.judge(done, np.full(n, marks, np.uint8), now_ms, self.version, most)
        noted(
            self.table.cells, self.slots, done.scores, self.version, self.table.cells[self.slots], np.zeros(n, np.uint8)
        )
        return [orjson.loads(alert.value) for alert in found.alerts]


@pytest.mark.parametrize(
    ("score", "states"), [(45.0, ["raised"]), (45.01, []), (50.0, []), (60.0, []), (1.0, ["raised"])]
)
def test_raised_at_the_points_of_the_rule(score: float, states: list[str]) -> None:
    """Five points below the close raise it, a hair less does not."""
    assert Watched().at(score) == states


@pytest.mark.parametrize("score", [1.0, 44.9, 45.0, 45.01, 50.0, 60.0])
def test_it_says_beforehand_what_will_be_raised(score: float) -> None:
    """The question has the same answer as the judgement, and changes nothing."""
    bob = Watched()
    close_at(bob.table, bob.slots, [50.0], T0)
    for hours in (0, 1, 7):
        before = bob.table.cells.copy()
        told = bob.asked(score, hours)
        assert (bob.table.cells == before).all()
        assert told == ("raised" in bob.at(score, hours))


def test_alert_says_everything() -> None:
    """Who, from where to where, by which rule, when, under which version; the id is of this occasion alone."""
    watched = Watched()
    (body,) = watched.bodies(44.0, 1)
    at = T0 + HOUR_MS
    assert body == {
        "id": f"day-fall/net:u0/{at}/raised", "rule": "day-fall", "state": "raised", "severity": "warning", "user": "net:u0",
        "episode": at, "at": at, "score": 44.0, "reference": {"score": 50.0, "at": watched.table.days.closed_ms}, "change": -6.0,
        "cause": "earlier", "causes": [{"cause": "earlier", "points": -6.0}],
        "sentence": "net:u0 fell 6.0 points since the last daily close, to 44.0: of what came before (-6.0 earlier)",
        "objects": [], "people": [], "policies": -1, "model": "plain", "version": 1,
    }  # fmt: skip
    over = watched.bodies(49.0, 2)[0]
    assert (over["id"], over["episode"], over["reference"]) == (
        f"day-fall/net:u0/{at}/recovered",
        at,
        body["reference"],
    )


def test_raised_once() -> None:
    """While it lasts, a further fall is no further alert, even after the cooldown."""
    watched = Watched()
    assert [watched.at(score, hour) for hour, score in enumerate([44, 43, 30, 20, 10, 5, 4, 3])] == [["raised"]] + [
        []
    ] * 7


def test_recovers_when_half_is_made_good() -> None:
    """Hysteresis: at 47 (3 below) it still lasts, at 47.5 (2.5 below) it is over, once."""
    watched = Watched()
    assert [watched.at(score) for score in (44, 46, 47, 47.5, 48, 50)] == [["raised"], [], [], ["recovered"], [], []]


def test_it_is_over_by_the_score_that_it_began_with() -> None:
    """A new close at the lower score does not end it; when the time it looks back on has passed, it has settled."""
    watched = Watched()
    assert watched.at(44, 0) == ["raised"]
    watched.refs[:] = 44.0
    assert watched.at(44, 10) == []
    assert watched.at(44, 24) == ["settled"]
    assert watched.at(44, 25) == []
    assert watched.at(39, 26) == ["raised"]


def test_cooldown() -> None:
    """After a recovery it is quiet until six hours after the raise, then it may be raised again."""
    watched = Watched()
    assert watched.at(44, 0) == ["raised"]
    assert watched.at(50, 1) == ["recovered"]
    assert watched.at(44, 5.99) == []
    assert watched.at(44, 6) == ["raised"]


def test_nobody_without_a_close() -> None:
    """A new user has nothing to fall from."""
    assert Watched(close=NONE).at(1.0) == []


def test_a_line_is_crossed() -> None:
    """Who has always been below is not told of; who crosses it is, once, also when that was within a cooldown and lasts."""
    watched = Watched(Rule(name="low", when=When(below=40.0), cooldown_s=3_600))
    assert [watched.at(score, hours) for score, hours in ((30, 0), (39, 0.1), (45, 0.2))] == [[], [], []]
    assert watched.at(39.9, 0.3) == ["raised"]
    assert watched.at(40.9, 0.4) == []
    assert watched.at(41.0, 0.5) == ["recovered"]
    assert [watched.at(39.0, hours) for hours in (0.6, 1.2, 1.3, 5.0)] == [[], [], ["raised"], []]


def test_two_episodes_do_not_begin_at_once() -> None:
    """By the stream's clock much happens at one moment: an id that has been told is not told again, whatever the cooldown."""
    one = Watched(Rule(name="fall", when=When(falls=5.0), cooldown_s=0))
    assert (one.at(44.0), one.at(49.0), one.at(44.0)) == (["raised"], ["recovered"], [])
    assert one.at(44.0, 1e-3) == ["raised"]


TOP = Rule(name="top", when=When(top=3), cooldown_s=0)


def lined(*rules: Rule, **lines: float) -> Book:
    """A book in which lines are known."""
    return Book(rules, lines={name: ScoreLine(score=score, at=T0) for name, score in lines.items()})


def test_a_line_that_moves_leaves_somebody_behind() -> None:
    """Without a line a rule by one holds for nobody; who is below the first is not told of; then who falls or is left behind."""
    watched = Watched(TOP)
    assert watched.at(50.0) == []
    said = []
    moves = (
        (50.0, 51.0),
        (50.0, 49.0),
        (50.0, 50.0),
        (50.0, 50.1),
        (50.0, 49.2),
        (50.0, 48.9),
        (48.0, 48.9),
    )
    for minute, (score, line) in enumerate(moves):
        watched.book = lined(TOP, **{"top/3": line})
        said += [(line, body["state"], body["sentence"]) for body in watched.bodies(score, minute / 60)]
    assert [(line, state) for line, state, _ in said] == [(50.1, "raised"), (48.9, "recovered"), (48.9, "raised")]
    assert said[0][2] == "net:u0 stays at 50.0, out of the 3 highest (50.1) now: that line rose from 50.0 to 50.1"
    assert "since the last daily close and out of the 3 highest (48.9), to 48.0" in said[2][2]


def test_who_is_left_behind_is_looked_at() -> None:
    """Between where a line was and where it is, once; and of whom the rule is on, when it falls as well."""
    watched = Watched(TOP, users=5)
    cells, names = watched.table.cells, lambda: watched.table.users.of(watched.rules.left_behind())
    cells[watched.slots, SCORE] = [40.0, 50.0, 50.5, 51.0, 60.0]

    def follow(line: float | None) -> list[str]:
        watched.rules.follow(lined(TOP, **({} if line is None else {"top/3": line})), T0)
        return names()

    assert [follow(line) for line in (None, 50.0, 50.0, 51.0)] == [[], [], [], ["net:u1", "net:u2"]]
    assert watched.rules.columns.was.tolist() == [50.0]
    watched.rules.judged()
    assert watched.rules.columns.was.tolist() == [51.0]
    assert follow(50.0) == []
    watched.table.episodes.put(cells, 4, Episode(key_of("top"), FIRING, T0, 60.0))
    assert follow(49.0) == ["net:u4"]
    watched.rules.lines = {"top/3": 39.0}  # as after a take-over
    assert follow(41.0) == ["net:u0", "net:u4"]


def test_who_finds_no_room_below_a_line_is_told_of_next() -> None:
    """More alerts than an interval has room for wait, of a line as well."""
    watched = Watched(TOP, users=3)
    watched.book = lined(TOP, **{"top/3": 40.0})
    watched.at(50.0)
    told = [[body["user"] for body in watched.bodies(30.0, most=2)] for _ in range(3)]
    assert told == [["net:u0", "net:u1"], ["net:u2"], []]


def test_whom_a_rule_is_of() -> None:
    """Everyone, a network, those who are named: also who comes later; a least score before."""
    rules = (
        Rule(name="named", when=When(falls=5.0), who=Who(users=("net:u1", "net:u9"))),
        Rule(name="net", when=When(falls=5.0), who=Who(network="net")),
        Rule(name="other", when=When(falls=5.0), who=Who(network="ne")),
        Rule(name="high", when=When(falls=5.0), who=Who(min_score=50.5)),
        Rule(name="sure", when=When(falls=5.0), who=Who(min_confidence=0.1)),
    )
    watched = Watched(*rules, users=2)
    told = [(body["user"], body["rule"]) for body in watched.bodies(44.0)]
    assert told == [("net:u0", "net"), ("net:u1", "net"), ("net:u1", "named")]
    watched.slots = watched.table.slots(["net:u9"])
    watched.refs = np.full((1, 4), 51.0)
    told = [(body["user"], body["rule"]) for body in watched.bodies(44.0)]
    assert told == [("net:u9", "high"), ("net:u9", "net"), ("net:u9", "named")]


def test_a_cause_that_is_ignored_is_looked_at_again() -> None:
    """When something has come, or after an hour; until then nothing is asked."""
    watched = Watched(Rule(name="r", when=When(falls=5.0), ignore=("earlier",)))
    assert watched.at(44.0) == []
    (kept,) = watched.table.episodes.of(watched.table.cells, 0)
    assert kept.phase == IGNORED
    watched.book = Book((Rule(name="r", when=When(falls=5.0)),))
    assert watched.at(44.0, 0.5) == []
    assert [body["state"] for body in watched.bodies(44.0, 0.6, marks=2)] == ["raised"]
    (kept,) = watched.table.episodes.of(watched.table.cells, 0)
    assert kept.phase == FIRING


def test_an_account_that_is_linked_hears_that_its_alert_is_over() -> None:
    """Of a rule of everyone, once; its own rules go on, and the cooldown stays for when it is unlinked."""
    own = Rule(name="own", when=When(falls=5.0), who=Who(users=("net:u0",)))
    watched = Watched(RULE, own, Rule(name="line", when=When(below=48.0)))
    assert [body["rule"] for body in watched.bodies(50.0)] == []
    assert [body["rule"] for body in watched.bodies(44.0, 0.1)] == ["day-fall", "line", "own"]
    apply(watched.table, [Link("net:u0", "ann", T0 + 1)])
    assert watched.bodies(44.0, 0.2, most=0) == []
    over = watched.bodies(44.0, 0.3)
    assert [(body["rule"], body["state"]) for body in over] == [("day-fall", "settled"), ("line", "settled")]
    assert (
        over[0]["sentence"] == "`day-fall` is over for net:u0: now an account of person:ann, who is judged in its place"
    )
    assert watched.bodies(44.0, 0.4) == []
    assert [body["rule"] for body in watched.bodies(49.0, 0.5)] == ["own"]
    apply(watched.table, [Unlink("net:u0", T0 + HOUR_MS)])
    assert [watched.at(score, hours) for score, hours in ((44.0, 1.0), (49.0, 6.0))] == [[], []]
    assert [body["rule"] for body in watched.bodies(44.0, 6.2)] == ["day-fall", "line", "own"]


def test_at_most_sixteen_rules_keep_something_of_a_user() -> None:
    """The others raise nothing, and that is counted."""
    watched = Watched(*(Rule(name=f"r{n}", when=When(falls=5.0)) for n in range(20)))
    assert watched.at(44.0) == ["raised"] * 16
    assert len(watched.table.episodes) == 16


def test_each_user_for_itself() -> None:
    """Of many judged together only those who fell are named, by their own numbers."""
    watched = Watched(users=6)
    watched.slots = watched.slots[::-1]
    watched.refs[:, 1] = [50.0, 56.0, 54.0, 57.0, 51.0, 40.0]
    assert [(body["user"], body["change"]) for body in watched.bodies(50.0)] == [("net:u4", -6.0), ("net:u2", -7.0)]


_RULES = st.builds(
    Rule,
    name=st.sampled_from(["a", "b", "c"]),
    when=st.one_of(
        st.builds(
            When,
            falls=st.sampled_from([1.0, 5.0, 20.0]),
            within=st.sampled_from(WINDOWS),
            unit=st.sampled_from(["points", "percent"]),
        ),
        st.builds(When, rises=st.sampled_from([1.0, 5.0, 20.0]), within=st.sampled_from(WINDOWS)),
        st.builds(When, below=st.sampled_from([20.0, 50.0])),
        st.just(When(percentile=50.0)),
        st.just(When(top=5)),
    ),
    who=st.builds(Who, min_score=st.sampled_from([1.0, 30.0])),
    ignore=st.sampled_from([(), ("earlier",)]),
    cooldown_s=st.sampled_from([0, 3_600, 86_400]),
    margin=st.sampled_from([None, 0.0, 1.0]),
)
_POINTS = st.floats(1.0, 100.0).map(lambda x: round(x, 1))
_MOMENTS = st.tuples(
    st.floats(0.0, 30.0).map(lambda x: round(x, 2)),
    _POINTS,
    st.lists(st.one_of(_POINTS, st.just(NONE)), min_size=4, max_size=4),
    st.dictionaries(st.sampled_from(["percentile/50", "top/5"]), _POINTS),
    st.sampled_from([MOST, MOST, 1, 0]),
)


@given(
    rules=st.lists(_RULES, min_size=1, max_size=3, unique_by=lambda rule: rule.name),
    moments=st.lists(_MOMENTS, min_size=1, max_size=25),
)
@settings(max_examples=300, deadline=None)
def test_kernels_judge_as_the_plain_rules_do(
    rules: list[Rule], moments: list[tuple[float, float, list[float], dict[str, float], int]]
) -> None:
    """Whatever rules, scores, references and pauses there are: the same alerts in the same order, and the same is kept.

    So also when an interval has no room for all of them; then the user is marked for the next one.
    """
    watched, plain = Watched(*rules), Plain()
    hours, were = 0.0, dict[str, float]()
    for pause, score, refs, lines, most in moments:
        hours += pause
        watched.book = lined(*rules, **lines)
        now = {name: at for name, at in lines.items() if name in asked(rules)}
        watched.refs[0] = refs
        wanted = plain.judged(
            rules,
            T0 + round(hours * HOUR_MS),
            score,
            lambda rule, refs=refs: refs[WINDOWS.index(rule.when.within)],  # type: ignore[misc]
            lambda rule: "earlier" in rule.ignore,
            {name: (at, were.get(name, at)) for name, at in now.items()},
            room=most,
        )
        were = now
        watched.table.dirty[0] = 0
        found = [(body["rule"], body["state"], body["episode"]) for body in watched.bodies(score, hours, most=most)]
        assert found == wanted
        assert bool(watched.table.dirty[0] & MOVED) == plain.waits
        assert len(watched.table.episodes.of(watched.table.cells, 0)) == len(plain.kept)


def test_chunks_score_judge_and_note() -> None:
    """Changed users go out in chunks under one version; what was published is noted in the rows, and in those of the cut."""
    world = World()
    world.fold(*[("share", event("ann", f"u{n}")) for n in range(CHUNK + 10)])
    table = world.table
    slots, _ = table.changed()
    made = cut(table, slots, T0)
    pieces = list(chunks(table, Judge(table, RuleSet(table)), made, 7))
    assert [len(piece.records) for piece in pieces] == [CHUNK, 11]
    written = [orjson.loads(record) for piece in pieces for _, record in piece.records]
    assert {one["version"] for one in written} == {7}
    assert [key.decode() for piece in pieces for key, _ in piece.records] == [one["user"] for one in written]
    everyone = population(table, T0).tolist()
    for rows in (table.cells[: len(table)], made.rows):
        assert rows[:, SCORE].tolist() == pytest.approx(everyone)
        assert set(rows[:, PUBLISHED].tolist()) == {7.0}


def test_alert_without_any_event() -> None:
    """Who has a close and is idle falls below it by five points some day, and the alert is raised then, and says why."""
    world = World()
    world.fold(*[("share", event(f"a{n}", "bob")) for n in range(50)])
    table, slots = world.table, np.array([world.table.slot("net:bob")])
    rules = RuleSet(table)
    judge, raised = Judge(table, rules), []
    for day in range(40):
        close_at(table, slots, population(table, T0)[slots], T0 + day * DAY_MS)
        rules.follow(Book((RULE,)), T0 + day * DAY_MS)
        pieces = list(chunks(table, judge, cut(table, slots, T0 + day * DAY_MS), day + 1))
        raised += [(day, alert.cause) for piece in pieces for alert in piece.judged.alerts if alert.state == "raised"]
    falls = [world.record("bob")["score"] - world.record("bob", T0 + d * DAY_MS)["score"] >= 5 for d in range(40)]
    assert raised[0][0] == falls.index(True)


@given(st.lists(st.dictionaries(st.integers(0, 9), st.floats(1, 100), min_size=1), max_size=8))
def test_spread_is_the_histogram_of_what_is_shown(moves: list[dict[int, float]]) -> None:
    """After any moves the counts are those of the users' present scores in tenths, and what is returned is what changed."""
    spread, now = Histogram(), np.zeros(10)
    known: dict[int, int] = {}
    for move in moves:
        slots = np.array(list(move))
        after = np.array(list(move.values()))
        known.update(spread.move(now[slots], after))
        now[slots] = after
        tenths = np.bincount((now[now > 0] * 10).astype(int), minlength=1001)
        assert spread.counts.tolist() == tenths.tolist()
        assert {n: c for n, c in known.items() if c} == {n: int(c) for n, c in enumerate(tenths) if c}
