"""Steady traffic beside a plain fold of all its events, week by week."""

from __future__ import annotations

import itertools

import numpy as np
import orjson
import pytest

from streams.calibration.population import of_records, of_table
from streams.calibration.steady import masses, moments
from streams.calibration.turnover import turnover
from streams.calibration.week import WEEK_MS, Week, read, weigh
from streams.errors import CloutError
from streams.events import NEWEST_MS
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT, PLAIN, Model
from streams.offline import Core, scored
from streams.sources.shape import Shape
from streams.sources.synthetic import START_MS, Synthetic

WEEKS = 15
EVENTS = 400


def small(*kinds: str, users: int = 40) -> Week:
    """A week of the generator: repeats and undos are in it."""
    shape = Shape(undo_after=1.0, late=0.0)
    shape = shape.only(*kinds) if kinds else shape
    return read(Synthetic(3, users, EVENTS / (WEEK_MS / 1_000), shape=shape, limit=EVENTS), "small")


def folded(week: Week, holders: list[np.ndarray], until_ms: int, model: Model) -> Table:
    """All events up to a moment, one by one, as a worker folds them."""
    table, core = Table(model), Core()
    for number, of_week in enumerate(holders):
        for values, kinds in week.values(number, of_week):
            core.fold(table, values, kinds, NEWEST_MS, until_ms)
    return table


def test_it_is_what_a_fold_of_all_events_gives() -> None:
    """With weights that depend on nothing: everyone's mass, at each kind of moment, in weeks in which people fall out too.

    (Who follows whom depends on what an actor remembers: no follows here.)
    """
    week = small("like", "reply", "retweet")
    people = turnover(week.engagements, WEEKS, new=0.3)
    weighed = weigh(week, people, PLAIN)
    when = [(2 * DAY_MS + 3_600_000, False), (WEEK_MS - 3_600_000, True)]
    looked = 0
    for moment, found in masses(week, people, weighed, PLAIN, when, first=3):
        if moment.week not in (3, 14, 15):
            continue
        at_ms = week.start_ms + (moment.week - 1) * WEEK_MS + moment.at_ms
        table = folded(week, people.holders[: moment.week], at_ms, PLAIN)
        assert np.sort(found) == pytest.approx(np.sort(of_table(table, at_ms)), rel=1e-5, abs=1e-6)
        looked += 1
    assert looked == 6
    assert len(found) < np.count_nonzero(table.cells[: len(table), 3:21].any(axis=1))  # somebody has fallen out


def test_in_the_weeks_that_are_folded_it_is_exact_with_all_weights() -> None:
    """Selectivity, standing and novelty included, at the end of each of the first weeks."""
    week = small()
    people = turnover(week.engagements, 4)
    weighed = weigh(week, people, DEFAULT)
    for moment, found in masses(week, people, weighed, DEFAULT, [(WEEK_MS, False)], first=1):
        at_ms = week.start_ms + moment.week * WEEK_MS
        table = folded(week, people.holders[: moment.week], at_ms, DEFAULT)
        assert np.sort(found) == pytest.approx(np.sort(of_table(table, at_ms)), rel=1e-5, abs=1e-6)


def test_weights_fall_while_people_get_a_past_and_then_stay() -> None:
    """The first week weighs most; what the fourth changes is little."""
    week = small()
    sums = [one.weights.sum() for one in weigh(week, turnover(week.engagements, 6, new=0.0), DEFAULT)]
    assert len(sums) == 4
    assert all(before > after for before, after in itertools.pairwise(sums))
    assert sums[2] - sums[3] < (sums[0] - sums[1]) / 4


def test_a_week_is_looked_at_by_day_and_by_night() -> None:
    """Each day as its busiest hour ends and as its quietest does."""
    week = small()
    busiest, quietest = week.hours()
    found = moments(week)
    assert len(found) == 14
    assert {(at + week.start_ms) // 3_600_000 % 24 for at, night in found if not night} == {(busiest + 1) % 24}
    assert {(at + week.start_ms) // 3_600_000 % 24 for at, night in found if night} == {(quietest + 1) % 24}
    assert all(0 < at <= WEEK_MS for at, _ in found)


def test_people_come_and_go_and_roles_move() -> None:
    """Every role has one holder each week; a share is new; with nothing that moves everyone keeps theirs."""
    engagements = np.random.default_rng(1).zipf(1.8, 2_000).clip(max=10_000) - 1
    made = turnover(engagements, 10, new=0.1)
    assert all(len(np.unique(holders)) == len(engagements) for holders in made.holders)
    assert made.people == pytest.approx(2_000 + 9 * 200, rel=0.1)
    assert max(holders.max() for holders in made.holders) == made.people - 1
    some = np.flatnonzero(engagements)
    assert 0.3 < np.isin(made.holders[1][some], some).mean() < 0.9  # who got some gets some again, mostly
    still = turnover(engagements, 3, new=0.0, moves=0.0)
    assert [np.array_equal(engagements[holders], engagements) for holders in still.holders] == [True] * 3
    assert turnover(engagements, 10, new=0.1).holders[-1].tolist() == made.holders[-1].tolist()


def test_records_of_the_same_people_have_the_same_masses() -> None:
    """Published records tell who counts and what they weigh, as rows do; who only acts is not among them."""
    table = folded(small(users=300), [np.arange(300)], START_MS + WEEK_MS, DEFAULT)
    for later_ms in (0, 30 * DAY_MS, 120 * DAY_MS):
        at_ms = START_MS + WEEK_MS + later_ms
        records = [orjson.loads(one.record) for one in scored(table, START_MS + WEEK_MS)]
        found, wanted = of_records(records, DEFAULT, at_ms), of_table(table, at_ms)
        assert np.sort(found) == pytest.approx(np.sort(wanted), rel=1e-6)
        assert (len(found) == 0) == (later_ms > 90 * DAY_MS)
        assert len(found) < len(records)


def test_a_file_of_one_instant_is_no_week() -> None:
    """It is said how much is needed."""
    with pytest.raises(CloutError, match=r"x\.ndjson: its events lie within .* days; .* at least 6 days are needed"):
        read(Synthetic(1, 40, 1_000.0, limit=200), "x.ndjson")


def test_only_the_first_week_is_taken() -> None:
    """What is later is counted, and so is what is no event."""
    week = read(Synthetic(1, 40, 800 / (2 * WEEK_MS / 1_000), shape=Shape(broken=0.05), limit=800), "two weeks")
    assert week.later == pytest.approx(380, abs=40)
    assert week.unusable > 10
    assert week.times.max() < WEEK_MS
