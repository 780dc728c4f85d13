"""The outlook: what a fold says when it is read later, and the moments at which scores fall below multiples of ten."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model import score
from streams.model.outlook import FARTHEST_MS, outlook
from streams.model.score import mass_for
from streams.model.versions import DAY_MS, DEFAULT, Model
from tests.model.explained import NOW_MS, houses, models, records
from tests.model.world import T0, World


def made(quarter: float = 0.0, **more: Any) -> dict[str, Any]:
    """A record with this much in its longest window."""
    parts = {"kinds": {}, "networks": {}, "reach": 0.0, "participation": 0.0}
    windows = {"day": 0.0, "week": 0.0, "quarter": quarter}
    rest = {"score": 1.0, "acted": 0.0, "followers": 0, "delta": {"day": None}}
    return {**rest, "as_of": T0, "windows": windows, "parts": parts, **more}


def read(record: dict[str, Any], model: Model, at_ms: int) -> float:
    """The score then."""
    found: float = score.at(record, model, at_ms)["score"]
    return found


@given(st.data(), models, st.integers(0, 3 * DAY_MS))
def test_the_outlook_is_the_fold_read_later(data: st.DataObject, model: Model, elapsed_ms: int) -> None:
    """In 1, 7 and 30 days rows, read then, give what a record of now foretells, also one that is older than now."""
    house = data.draw(houses(model))
    for record in records(house):
        for one in outlook(record, model, NOW_MS + elapsed_ms).later:
            assert one.at == NOW_MS + elapsed_ms + one.days * DAY_MS
            assert one.score == pytest.approx(house.record(record["user"], one.at)["score"], abs=1e-6)
        assert [one.days for one in outlook(record, model, NOW_MS).later] == [1, 7, 30]


@given(st.data(), models)
def test_each_crossing_is_the_first_moment_below(data: st.DataObject, model: Model) -> None:
    """A millisecond before, the score is not below it; those above the score are no crossings; null: not in ten years."""
    for record in records(data.draw(houses(model))):
        below = outlook(record, model, NOW_MS).below
        now = read(record, model, NOW_MS)  # a record has some ten digits of it, and facts alone are capped at 30
        assert now == pytest.approx(record["score"], abs=1e-6)
        assert [one.score for one in below] == [ten for ten in range(90, 0, -10) if ten < now]
        for one in below:
            if one.at is None:
                assert read(record, model, NOW_MS + FARTHEST_MS) >= one.score
            else:
                assert read(record, model, one.at) < one.score <= read(record, model, one.at - 1)
        moments = [one.at for one in below if one.at is not None]
        assert moments == sorted(moments)
        assert all(one.at is None for one in below[len(moments) :])


@given(st.data(), models, st.lists(st.integers(0, FARTHEST_MS), min_size=2, max_size=8))
def test_nothing_but_time_never_raises_a_score(data: st.DataObject, model: Model, later_ms: list[int]) -> None:
    """Facts of dates ahead, negative windows, capped facts: from now on each score falls or stays."""
    for record in records(data.draw(houses(model))):
        scores = [read(record, model, NOW_MS + ms) for ms in sorted(later_ms)]
        assert all(after <= before + 1e-12 for before, after in pairwise(scores))


def test_one_window_by_hand() -> None:
    """Who has a mass of 60 points in the quarter alone is below 50 once it has halved log2(m60 / m50) times."""
    half_life_ms = DEFAULT.half_lives_ms[2]
    record = made(mass_for(60.0, DEFAULT) * 1.000001)
    halvings = DEFAULT.steepness**-1 * 0.5849625007  # odds of 60 and 50 are 1.5 and 1, log2(1.5) = 0.5849625
    at = {one.score: one.at for one in outlook(record, DEFAULT, T0).below}
    assert list(at) == [60, 50, 40, 30, 20, 10]
    assert at[50] == pytest.approx(T0 + halvings * half_life_ms, abs=10 * 60_000)


def test_reach_stays() -> None:
    """Followers alone never fall; who is held by them falls to what they give, and not below."""
    record = made(100.0, followers=1_000_000)
    kept = read(made(followers=1_000_000), DEFAULT, T0)
    for one in outlook(record, DEFAULT, T0).below:
        assert (one.at is None) == (one.score < kept)


def test_a_fact_of_a_date_ahead_stays_until_then() -> None:
    """Then it halves; a window below 0 counts as none, now and later."""
    ahead_ms = T0 + 100 * DAY_MS
    record = made(-5.0, facts={"lists": {"mass": 0.2, "date": ahead_ms}})
    assert read(record, DEFAULT, T0) == read(record, DEFAULT, ahead_ms) > 10
    first, *_ = outlook(record, DEFAULT, T0).below
    assert first.at is not None
    assert first.at > ahead_ms


def test_somebody_at_the_floor_has_nothing_to_lose() -> None:
    """One stays at 1, and no multiple of ten is crossed."""
    world = World(DEFAULT)
    world.did("like", "ann", "bob")
    found = outlook(world.record("ann"), DEFAULT, T0 + 200 * DAY_MS)
    assert [one.score for one in found.later] == [1.0, 1.0, 1.0]
    assert found.below == []
