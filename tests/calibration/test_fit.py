"""The fit: a curve that gives a population what it should have, or a sentence that says why there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.calibration.fit import FEWEST, Curve, Goal, Population, fit
from streams.errors import CloutError
from streams.model.versions import DEFAULT


def drawn(seed: int, n: int, spread: float, level: float = 1.0) -> Population:
    """People whose log masses are normal."""
    return Population.of(level * np.exp(np.random.default_rng(seed).normal(0.0, spread, n)))


@given(st.integers(0, 2**32), st.integers(FEWEST, 3_000), st.floats(0.3, 4.0), st.floats(1e-3, 1e4))
def test_the_fitted_curve_meets_both_goals(seed: int, n: int, spread: float, level: float) -> None:
    """Whatever the people, as long as they differ: they average 40, and the top 5 % begin at 63, to a millionth."""
    people = drawn(seed, n, spread, level)
    model = fit(people).of(DEFAULT)
    assert people.average(model) == pytest.approx(40, abs=1e-6)
    assert people.top(model) == pytest.approx(63, abs=1e-6)
    scores = people.scores(model)
    assert (scores >= people.top(model)).sum() == pytest.approx(0.05 * n, abs=1)


@given(st.floats(15, 55), st.floats(60, 95))
def test_other_goals_are_met_too(average: float, top: float) -> None:
    """Any average below any top that ordinary people can have."""
    people, goal = drawn(1, 2_000, 2.0), Goal(average, top)
    model = fit(people, goal).of(DEFAULT)
    assert (people.average(model), people.top(model)) == pytest.approx((average, top), abs=1e-6)


def test_masses_have_no_unit() -> None:
    """A thousand times the mass: the same steepness, a half mass a thousand times as large."""
    one, other = fit(drawn(1, 1_000, 1.5)), fit(drawn(1, 1_000, 1.5, 1_000.0))
    assert other == pytest.approx((1_000 * one.half_mass, one.steepness), rel=1e-6)


def test_rounded_masses_and_sums_of_them_are_near_enough() -> None:
    """Two halves rounded and put together score within 0.02 points of all of them as they are."""
    masses = np.exp(np.random.default_rng(2).normal(0.0, 2.0, 4_000))
    exact, near = (
        Population.of(masses),
        Population.together([Population.rounded(masses[::2]), Population.rounded(masses[1::2])]),
    )
    assert near.size == exact.size
    assert near.average(DEFAULT) == pytest.approx(exact.average(DEFAULT), abs=0.02)
    assert near.top(DEFAULT) == pytest.approx(exact.top(DEFAULT), abs=0.02)


def test_too_few_people_are_refused_with_how_many_are_needed() -> None:
    """The top 5 % of 99 are fewer than five."""
    with pytest.raises(CloutError, match=r"99 people .* at least 100 are needed"):
        fit(drawn(1, FEWEST - 1, 1.0))


@pytest.mark.parametrize(
    ("masses", "why"),
    [
        (np.ones(200), "stays above 40 .* as much mass"),
        (np.r_[np.ones(150), np.full(50, 0.5)], "stays above 40 .* as much mass"),
        (np.r_[np.zeros(150), np.exp(np.arange(50.0))], "stays below 40 .* next to no mass"),
        (np.zeros(200), "nothing is left of what happened"),
    ],
)
def test_where_no_curve_can_do_it_this_is_said(masses: np.ndarray, why: str) -> None:
    """All alike, most of them alike, most of them without anything, all of them."""
    with pytest.raises(CloutError, match=why):
        fit(Population.of(masses))


def test_the_top_begins_with_the_first_of_the_top_five_percent() -> None:
    """Of a hundred that is the 95th from below, whichever way they are counted."""
    people = Population.of(np.arange(1.0, 101.0))
    assert people.top_mass == 95.0
    assert Population(np.array([1.0, 2.0]), np.array([95, 5])).top_mass == 1.0
    assert Population(np.array([1.0, 2.0]), np.array([94, 6])).top_mass == 2.0
    assert people.top(Curve(95.0, 1.0).of(DEFAULT)) == pytest.approx(50)
