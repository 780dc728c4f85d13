"""The fall alert: raised once, over when half is made good, quiet for the cooldown. And the histogram kept beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fold.days import NONE
from streams.fold.rows import PUBLISHED, SCORE
from streams.model.alerts import FallRule, falls, judge
from streams.model.assess import population
from streams.model.records import Scored
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.model.versions import DAY_MS, PLAIN
from streams.partition.outgoing import CHUNK, chunks
from streams.scoreboard.spread import Histogram
from tests.model.closed import close_at
from tests.model.world import HOUR_MS, T0, World, cut, event

RULE = FallRule(points=5.0, cooldown_ms=6 * HOUR_MS)


def scored(slots: Slots, scores: list[float], closes: list[float]) -> Scored:
    """Users scored so, with these closes."""
    return Scored(slots, np.array(scores), np.array(closes), Texts.of([]))


class Watched:
    """One user with a close of 50, judged again and again."""

    def __init__(self, close: float = 50.0) -> None:
        self.table = Table(PLAIN)
        self.slots = np.array([self.table.slot("net:bob")])
        self.close = close
        if close != NONE:
            close_at(self.table, [0], [close], T0)
        self.version = 0

    def at(self, score: float, hours: float = 0) -> list[str]:
        """States of the alerts when the score is that, so many hours after the start."""
        return [body["state"] for body in self.bodies(score, hours)]

    def bodies(self, score: float, hours: float = 0) -> list[dict[str, Any]]:
        self.version += 1
        now_ms = T0 + round(hours * HOUR_MS)
        return [
            orjson.loads(a.value)
            for a in judge(self.table, scored(self.slots, [score], [self.close]), now_ms, self.version, RULE)
        ]


@pytest.mark.parametrize(
    ("score", "states"), [(45.0, ["raised"]), (45.01, []), (50.0, []), (60.0, []), (1.0, ["raised"])]
)
def test_raised_at_the_points_of_the_rule(score: float, states: list[str]) -> None:
    """Five points below the close raise it, a hair less does not."""
    assert Watched().at(score) == states


@pytest.mark.parametrize("score", [1.0, 44.9, 45.0, 45.01, 50.0, 60.0])
def test_falls_says_beforehand_what_will_be_raised(score: float) -> None:
    """The question has the same answer as the judgement, and changes nothing."""
    bob = Watched()
    for hours in (0, 1, 7):
        before = bob.table.cells.copy()
        told = bool(falls(bob.table, bob.slots, np.array([score]), T0 + hours * HOUR_MS, RULE)[0])
        assert (bob.table.cells == before).all()
        assert told == ("raised" in bob.at(score, hours))


def test_alert_says_everything() -> None:
    """Who, from where to where, by which rule, when, under which version; the id is of this occasion alone."""
    assert Watched().bodies(44.0, 1) == [
        {
            "id": "fall/net:bob/raised/1", "rule": "fall", "state": "raised", "user": "net:bob", "score": 44.0, "close": 50.0,
            "fall": 6.0, "points": 5.0, "at": T0 + HOUR_MS, "model": "plain", "version": 1,
        }
    ]  # fmt: skip


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


def test_each_user_for_itself() -> None:
    """Of many judged together only those who fell are named, by their own numbers."""
    table = Table(PLAIN)
    slots = np.array([table.slot(f"net:u{n}") for n in range(6)])[::-1]
    scores = [50.0, 44.0, 46.0, 43.0, 49.0, 60.0]
    alerts = judge(table, scored(slots, scores, [50.0] * 6), T0, 1, RULE)
    assert [(a.user, a.state, orjson.loads(a.value)["score"]) for a in alerts] == [
        ("net:u4", "raised", 44.0),
        ("net:u2", "raised", 43.0),
    ]


def test_chunks_score_judge_and_note() -> None:
    """Changed users go out in chunks under one version; what was published is noted in the rows, and in those of the cut."""
    world = World()
    world.fold(*[("share", event("ann", f"u{n}")) for n in range(CHUNK + 10)])
    table = world.table
    slots, _ = table.changed()
    made = cut(table, slots, T0)
    pieces = list(chunks(table, RULE, made, 7))
    assert [len(piece.records) for piece in pieces] == [CHUNK, 11]
    written = [orjson.loads(record) for piece in pieces for _, record in piece.records]
    assert {one["version"] for one in written} == {7}
    assert [key.decode() for piece in pieces for key, _ in piece.records] == [one["user"] for one in written]
    everyone = population(table, T0).tolist()
    for rows in (table.cells[: len(table)], made.rows):
        assert rows[:, SCORE].tolist() == pytest.approx(everyone)
        assert set(rows[:, PUBLISHED].tolist()) == {7.0}


def test_alert_without_any_event() -> None:
    """Who has a close and is idle falls below it by five points some day, and the alert is raised then."""
    world = World()
    world.fold(*[("share", event(f"a{n}", "bob")) for n in range(50)])
    slots = np.array([world.table.slot("net:bob")])
    raised = []
    for day in range(40):
        close_at(world.table, slots, population(world.table, T0)[slots], T0 + day * DAY_MS)
        pieces = list(chunks(world.table, RULE, cut(world.table, slots, T0 + day * DAY_MS), day + 1))
        raised += [day for piece in pieces for alert in piece.alerts if alert.state == "raised"]
    falls = [world.record("bob")["score"] - world.record("bob", T0 + d * DAY_MS)["score"] >= 5 for d in range(40)]
    assert raised == [falls.index(True)]


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
