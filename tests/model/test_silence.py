"""Idle falls are noticed when the closed form says so, not a displayed step later; and alerts settle though nothing happens."""

from __future__ import annotations

import numpy as np
import pytest

from streams.fold.rows import SCORE
from streams.model.assess import moved, population
from streams.model.episodes import Episode
from streams.model.rules import Rule, When, Who
from streams.model.ruleset import RuleSet, key_of
from streams.model.silence import Silence
from streams.model.versions import DAY_MS
from streams.policies.book import Book
from tests.model.world import HOUR_MS, T0, World, event

FALL = Rule(name="fall", when=When(falls=1.0))


def watched(*rules: Rule) -> tuple[World, Silence]:
    """Bob and others, who were engaged with before the last close, a week ago and no more."""
    world = World()
    for n in range(4):
        world.fold(*[("share", event(f"a{n}x{k}", f"bob{n}")) for k in range(5 * (n + 1))])
    table = world.table
    table.days.begin(T0 + 7 * DAY_MS)
    book = RuleSet(table)
    book.follow(Book(rules), T0)
    return world, Silence(table, book)


def published(world: World, now_ms: int) -> None:
    """Everyone is published as they are."""
    world.table.cells[: len(world.table), SCORE] = population(world.table, now_ms)


def first_fall(world: World, points: float, share: bool) -> dict[int, int]:
    """By slot the first minute, since the last close, at which a score is so far below it."""
    closed_ms = world.table.days.closed_ms
    at_close, found = population(world.table, closed_ms), {}
    least = at_close * points / 100.0 if share else np.full(len(at_close), points)
    for minute in range(0, 2_000):
        now = population(world.table, closed_ms + minute * 60_000)
        for slot in np.flatnonzero(at_close - now >= least).tolist():
            found.setdefault(slot, minute)
    return found


@pytest.mark.parametrize("share", [False, True])
def test_a_fall_is_seen_in_the_minute_it_happens(share: bool) -> None:
    """A pass a minute finds each user once, in the minute in which the closed form crosses; scores moved less than a step."""
    points = 3.0 if share else 0.23
    world, silence = watched(Rule(name="fall", when=When(falls=points, unit="percent" if share else "points")))
    closed_ms, found = world.table.days.closed_ms, {}
    wanted = {slot: minute for slot, minute in first_fall(world, points, share).items() if minute < 1_440}
    published(world, closed_ms)
    for minute in range(1_440):
        now_ms = closed_ms + minute * 60_000
        for slot in silence.look(0, 1_000, now_ms).tolist():
            assert slot not in found
            found[slot] = minute
            world.table.cells[slot, SCORE] = population(world.table, now_ms)[slot]
        for slot in moved(world.table, now_ms).tolist():
            world.table.cells[slot, SCORE] = population(world.table, now_ms)[slot]
    assert wanted
    assert found == wanted


def test_lines_and_who_was_not_quiet() -> None:
    """A line is seen by anybody's score; a fall only of who was quiet since the reference."""
    world, silence = watched(Rule(name="line", when=When(below=30.0)), FALL)
    table, closed_ms = world.table, world.table.days.closed_ms
    scores = population(table, closed_ms + HOUR_MS)
    table.cells[: len(table), SCORE] = np.where(scores < 30.0, 30.0, scores)
    below = np.flatnonzero((scores < 30.0) & (scores < table.cells[: len(table), SCORE]))
    assert silence.look(0, 1_000, closed_ms + HOUR_MS).tolist() == below.tolist() != []
    world.did("like", "z", "bob3", closed_ms + HOUR_MS)
    published(world, closed_ms + HOUR_MS)
    assert table.slot("net:bob3") not in silence.look(0, 1_000, closed_ms + 20 * HOUR_MS)


def test_a_fall_of_a_rule_that_names_users_is_theirs_alone() -> None:
    """Whoever else falls as far is not looked at; a user who comes later and is named is."""
    named = Who(users=("net:bob1", "net:bob3"))
    world, silence = watched(
        Rule(name="named", who=named, when=When(falls=0.1)), Rule(name="all", when=When(falls=0.9))
    )
    closed_ms = world.table.days.closed_ms
    published(world, closed_ms)
    now_ms = closed_ms + min(max(first_fall(world, 0.1, share=False).values()), 1_440) * 60_000
    assert (population(world.table, closed_ms) - population(world.table, now_ms) < 0.9).all()
    assert silence.look(0, 1_000, now_ms).tolist() == [world.table.slot(f"net:bob{n}") for n in (1, 3)]


def test_an_alert_settles_in_silence() -> None:
    """Whose alert has lasted as long as its rule looks back is looked at in that pass, and again when a day has closed."""
    world, silence = watched(FALL)
    table, closed_ms = world.table, world.table.days.closed_ms
    table.cells[: len(table), SCORE] = 0.0  # no falls
    table.episodes.put(table.cells, 1, Episode(key_of("fall"), 1, closed_ms + HOUR_MS, 50.0))
    assert silence.look(0, 1_000, closed_ms + HOUR_MS).tolist() == [1]  # the first pass
    assert silence.look(0, 1_000, closed_ms + 2 * HOUR_MS).tolist() == []
    assert silence.look(0, 1_000, closed_ms + DAY_MS + HOUR_MS).tolist() == [1]
    assert silence.look(0, 1_000, closed_ms + DAY_MS + 2 * HOUR_MS).tolist() == []
    table.days.begin(closed_ms + 2 * DAY_MS)
    assert silence.look(0, 1_000, closed_ms + 2 * DAY_MS).tolist() == [1]
