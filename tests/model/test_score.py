"""From windows to the score: decay, mass, the Hill curve, parts. Golden numbers are worked out beside each test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UsageError
from streams.fold.rows import FOLLOWERS
from streams.formats.engagements import local
from streams.model import score
from streams.model.engagements import packed
from streams.model.receiving import receive
from streams.model.versions import DAY_MS, DEFAULT, MODELS, PLAIN, Model, model
from tests.model.world import T0, YEAR_MS, World, event
from tests.strategies import masses


def test_windows_halve_at_their_half_lives() -> None:
    """A like read a day later and a week later.

    A day: 2^-1, 2^(-1/7) = 0.905724, 2^(-1/62.4) = 0.988953. A week: 2^-7, 2^-1, 2^(-7/62.4) = 0.925189.
    """
    world = World()
    world.did("like", "ann", "bob")
    a_day, a_week = world.record("bob", T0 + DAY_MS), world.record("bob", T0 + 7 * DAY_MS)
    assert a_day["windows"] == pytest.approx({"day": 0.5, "week": 0.905724, "quarter": 0.988953}, abs=1e-6)
    assert a_week["windows"] == pytest.approx({"day": 1 / 128, "week": 0.5, "quarter": 0.925189}, abs=1e-6)


def test_windows_add_what_each_event_still_weighs() -> None:
    """A share now, a reply a week ago and a like two weeks ago: week 4 + 3/2 + 1/4 = 5.75, whatever order they came in."""
    events = [("share", 0), ("reply", 7), ("like", 14)]
    for order in (events, events[::-1], [events[1], events[0], events[2]]):
        world = World()
        for kind, days_ago in order:
            world.did(kind, f"a{days_ago}", "bob", T0 - days_ago * DAY_MS)
        assert world.record("bob")["windows"]["week"] == pytest.approx(5.75, rel=1e-12)


def test_quarter_holds_the_mass_of_ninety_days() -> None:
    """One like a day for ever: the sum is 1 / (1 - 2^(-1/62.4)) = 90.53 just after the newest."""
    world = World()
    world.fold(*[("like", event(f"a{n}", "bob", T0 - n * DAY_MS)) for n in range(2000)])
    assert world.record("bob")["windows"]["quarter"] == pytest.approx(90.526, abs=0.01)


def test_mass_mixes_the_windows() -> None:
    """Windows 2, 4, 6: 0.5 * 2 + 0.5 * 4 + 1 * 6 = 9; each is clamped at 0 by itself: -2, 4, 6 gives 8."""
    assert score.engagement_mass(np.array([2.0, 4.0, 6.0]), DEFAULT) == 9.0
    assert score.engagement_mass(np.array([-2.0, 4.0, 6.0]), DEFAULT) == 8.0


@pytest.mark.parametrize(
    ("followers", "mass"), [(0, 0), (1, 0.05), (3, 0.1), (1023, 0.5), (2**20 - 1, 1.0), (2**30, 1.0), (-3, 0)]
)
def test_reach_is_logarithmic_and_capped(followers: float, mass: float) -> None:
    """0.05 * log2(1 + followers), at most 1: 3 followers are two doublings, 1023 are ten."""
    assert score.reach(followers, DEFAULT) == pytest.approx(mass)


@pytest.mark.parametrize(("acted", "mass"), [(0, 0), (10, 0.02), (90, 0.036), (1e9, 0.04), (-1, 0)])
def test_participation_saturates(acted: float, mass: float) -> None:
    """0.04 * a / (a + 10): ten actions give half of the cap."""
    assert score.participation(acted, DEFAULT) == pytest.approx(mass, rel=1e-6)


@pytest.mark.parametrize(
    ("mass", "expected"),
    [
        (0, 0.0),
        (6.4, 50.0),  # m0 by definition
        (2.0, 39.2651),  # one like just now: exp(0.375 ln 0.3125) = 0.646500; / 1.646500
        (81, 72.1478),  # ln 12.65625 = 2.538151; * 0.375 = 0.951807; exp = 2.590385; / 3.590385
        (650, 84.9764),  # ln 101.5625 = 4.620674; * 0.375 = 1.732753; exp = 5.656203
        (21_000, 95.4174),  # ln 3281.25 = 8.095980; * 0.375 = 3.035992; exp = 20.821631
    ],
)
def test_hill_curve(mass: float, expected: float) -> None:
    """The published points: 81 weighted engagements score 72, 650 score 85, 21,000 score 95."""
    assert (DEFAULT.half_mass, DEFAULT.steepness) == (6.4, 0.375)
    assert score.hill(mass, DEFAULT) == pytest.approx(expected, abs=2e-3)


def test_no_score_is_above_100() -> None:
    """Not by the last digit, whatever the mass."""
    assert max(score.hill(np.geomspace(1e12, 1e300, 10_000), DEFAULT)) == 100.0


def test_one_like_just_now() -> None:
    """Mass 0.5 + 0.5 + 1 = 2, score 39.265; a day later mass 0.25 + 0.452862 + 0.988953 = 1.691815.

    (1.691815 / 6.4)^0.375 = exp(0.375 * -1.330496) = 0.607176; 60.7176 / 1.607176 = 37.779.
    """
    world = World()
    world.did("like", "ann", "bob")
    assert world.record("bob")["score"] == pytest.approx(39.2651, abs=1e-3)
    assert world.record("bob", T0 + DAY_MS)["score"] == pytest.approx(37.779, abs=2e-3)


def test_all_terms_together() -> None:
    """Bob got a follow (2: mass 4, and 1 follower: 0.05) and did one thing (0.04 / 11 = 0.0036364): mass 4.0536364.

    (4.0536364 / 6.4)^0.375 = exp(0.375 * -0.456684) = 0.842606; score 45.7290.
    Parts: follow 45.7290 * 4 / 4.0536364 = 45.1239; reach 0.5641; participation 0.0410.
    """
    world = World()
    world.did("like", "bob", "cat")
    world.did("follow", "ann", "bob")
    record = world.record("bob")
    assert record["score"] == pytest.approx(45.7290, abs=1e-3)
    assert record["parts"]["kinds"] == pytest.approx({"follow": 45.1239}, abs=1e-3)
    assert record["parts"]["networks"] == pytest.approx({"net": 45.1239}, abs=1e-3)
    assert (record["parts"]["reach"], record["parts"]["participation"]) == pytest.approx((0.5641, 0.0410), abs=1e-3)


def test_parts_are_shares_of_the_mass() -> None:
    """A like and a share at one moment: a fifth and four fifths of the engagement's points."""
    world = World()
    world.did("like", "ann", "bob")
    world.did("share", "cat", "bob")
    kinds = world.record("bob")["parts"]["kinds"]
    assert kinds["share"] == pytest.approx(4 * kinds["like"])
    assert kinds["share"] + kinds["like"] == pytest.approx(world.record("bob")["score"])


def test_floor() -> None:
    """Who did one thing twenty weeks ago scores 0.03 unfloored: the record says 1, floored, and parts add up to less than 1.

    acted 2^-20, participation 0.04 * 9.54e-7 / 10 = 3.81e-9, (3.81e-9 / 6.4)^0.375 = exp(0.375 * -21.241) = 3.47e-4: 0.0347.
    """
    world = World()
    world.did("like", "ann", "bob")
    record = world.record("ann", T0 + 140 * DAY_MS)
    assert (record["score"], record["floored"]) == (1.0, True)
    assert record["parts"]["participation"] == pytest.approx(0.0347, abs=2e-4)
    assert not world.record("ann")["floored"]


def test_record_shape() -> None:
    """Exactly these keys, in this order, of these types: the same JSON everywhere."""
    world = World(DEFAULT)
    world.did("follow", "ann", "bob")
    record = world.record("bob", T0 + 5, version=(1 << 32) + 3)
    assert list(record) == [
        "user", "score", "as_of", "model", "version", "event_ts", "engagements", "actors", "actors_error", "actions", "windows",
        "followers", "acted", "floored", "parts", "delta", "confidence", "provisional",
    ]  # fmt: skip
    assert list(record["windows"]) == ["day", "week", "quarter"]
    assert list(record["parts"]) == ["kinds", "networks", "reach", "participation"]
    assert (record["user"], record["as_of"], record["event_ts"]) == ("net:bob", T0 + 5, T0)
    assert (record["model"], record["version"]) == ("clout-1", 4294967299)
    assert (record["engagements"], record["actors"], record["actions"], record["followers"]) == (1, 1, 0, 1)
    assert record["delta"] == {"day": None}
    assert record["confidence"] == pytest.approx(1 / 6)  # 1 actor of 1 + 5
    assert record["provisional"] is True
    assert record["floored"] is False
    for name in ("version", "event_ts", "engagements", "actors", "actions", "followers", "as_of"):
        assert type(record[name]) is int
    for name in ("score", "acted", "confidence"):
        assert type(record[name]) is float


@pytest.mark.parametrize("name", ['"quoted"', "a,b", "\\", "世界", "{}", "a:b:c", " "])
def test_any_name_makes_valid_json(name: str) -> None:
    """Quotes, commas and backslashes in a name stay inside it."""
    world = World()
    world.did("like", name, name + "2")
    record = world.record(name + "2")
    assert record["user"] == f"net:{name}2"
    assert list(record["parts"]["networks"]) == ["net"]


def test_confidence_grows_with_distinct_actors() -> None:
    """n / (n + 5): the same actor again adds none; with five distinct actors it is a half and no longer provisional."""
    world = World()
    for n in (0, 0, 1, 2, 3):
        world.did("like", f"a{n}", "bob")
    assert (world.record("bob")["actors"], world.record("bob")["provisional"]) == (4, True)
    world.did("share", "a4", "bob")
    record = world.record("bob")
    assert (record["actors"], record["confidence"], record["provisional"]) == (5, 0.5, False)
    assert record["engagements"] == 6


def test_more_than_sixteen_people_are_an_estimate_and_it_says_so() -> None:
    """Up to sixteen exactly, with an error of 0; then one standard error is told, and the number is near."""
    world = World()
    for n in range(400):
        world.did("like", f"a{n}", "bob")
        record = world.record("bob")
        if n < 16:
            assert (record["actors"], record["actors_error"]) == (n + 1, 0)
        else:
            assert record["actors_error"] == 0.065
            assert record["actors"] == pytest.approx(n + 1, rel=3 * 0.065)
    assert record["confidence"] == pytest.approx(record["actors"] / (record["actors"] + 5), abs=1e-8)


@pytest.mark.parametrize("later_ms", [0, 3_600_000, DAY_MS, 30 * DAY_MS, YEAR_MS])
@pytest.mark.parametrize("weight", [1e-3, 0.05, 1.0, 37.0, 1e3, 1e6])
def test_whoever_decays_a_record_has_the_score_of_then(weight: float, later_ms: int) -> None:
    """From its digits alone, at masses from 0.001 to a million: within 1e-6 of scoring the rows at that time."""
    world = World(DEFAULT)
    n, each = (1, weight) if weight <= 1e3 else (100, weight / 100)
    made = packed(
        ["net:bob"] * n, [f"net:a{i}" for i in range(n)], [each] * n, [T0 - i * 977 for i in range(n)], [0] * n
    )
    receive(world.table, local(made, T0))
    read = score.at(world.record("bob"), DEFAULT, T0 + later_ms)
    then = world.record("bob", T0 + later_ms)
    assert read["score"] == pytest.approx(then["score"], abs=1e-6)
    for name in ("day", "week", "quarter"):
        assert read["windows"][name] == pytest.approx(then["windows"][name], rel=1e-6, abs=1e-12)


def test_followers_count_once_a_pair() -> None:
    """Following again gives weight but no second follower."""
    world = World()
    world.did("follow", "ann", "bob")
    world.did("follow", "ann", "bob")
    world.did("follow", "cat", "bob")
    world.did("like", "dan", "bob")
    assert world.record("bob")["followers"] == 2


@pytest.mark.parametrize("later_ms", [0, 1, 3_600_000, DAY_MS, 30 * DAY_MS, 2 * YEAR_MS])
@pytest.mark.parametrize("which", [PLAIN, DEFAULT])
def test_a_record_read_later_is_the_score_of_then(which: Model, later_ms: int) -> None:
    """`score.at` gives what scoring the table at that time gives, if one kind is behind it."""
    world = World(which)
    for n in range(7):
        world.did("share", f"a{n}", "bob", T0 - n * DAY_MS)
        world.did("like", "bob", f"a{n}", T0 - n * DAY_MS)
    read, then = score.at(world.record("bob"), which, T0 + later_ms), world.record("bob", T0 + later_ms)
    # changes, and what has come, are since the closes that the record knew, not since later ones
    assert [name for name in read if name != "since"] == [name for name in then if name != "since"]
    for name in ("score", "confidence"):
        assert read[name] == pytest.approx(then[name], abs=1e-6)
    assert read["acted"] == pytest.approx(then["acted"], rel=1e-9)
    assert read["windows"] == pytest.approx(then["windows"], rel=1e-9)
    for name in ("kinds", "networks"):
        assert read["parts"].pop(name) == pytest.approx(then["parts"].pop(name), abs=1e-6)
    assert read["parts"] == pytest.approx(then["parts"], abs=1e-6)
    for name in (
        "user",
        "as_of",
        "event_ts",
        "engagements",
        "actors",
        "actions",
        "followers",
        "floored",
        "model",
    ):
        assert read[name] == then[name]


def test_reading_a_record_does_not_change_it() -> None:
    """`score.at` gives a new record; several kinds keep their proportions; the change of the day moves along."""
    world = World()
    world.did("share", "ann", "bob", T0 - 9 * DAY_MS)
    world.did("like", "ann", "bob")
    record = {**world.record("bob"), "delta": {"day": 2.0}}
    kept = repr(record)
    read = score.at(record, PLAIN, T0 + DAY_MS)
    assert repr(record) == kept
    before, after = record["parts"]["kinds"], read["parts"]["kinds"]
    assert after["share"] / after["like"] == pytest.approx(before["share"] / before["like"])
    assert read["delta"]["day"] == pytest.approx(2.0 + read["score"] - record["score"])


@given(masses, masses)
def test_more_mass_never_scores_less(a: float, b: float) -> None:
    """The curve is monotone, from 0 to below or at 100."""
    low, high = sorted((a, b))
    assert 0.0 <= score.hill(low, DEFAULT) <= score.hill(high, DEFAULT) <= 100.0


@given(masses, st.floats(1e-6, 1e6))
def test_score_is_linear_in_log_mass(mass: float, factor: float) -> None:
    """In logit space a factor on the mass is a constant step: k * ln(factor)."""
    if not 1e-3 < mass < 1e6 or not 1e-3 < mass * factor < 1e6:
        return

    def logit(m: float) -> float:
        s = float(score.hill(m, DEFAULT)) / 100
        return float(np.log(s / (1 - s)))

    assert logit(mass * factor) - logit(mass) == pytest.approx(DEFAULT.steepness * np.log(factor), abs=1e-6)


def test_models_are_named_and_frozen() -> None:
    """Names lead to models, `default` to the current one; a wrong name says which there are."""
    assert model("default") is model("clout-1") is DEFAULT
    assert model("plain") is PLAIN
    assert all(name == found.name for name, found in MODELS.items())
    with pytest.raises(UsageError, match="clout-1, plain"):
        model("klout")
    with pytest.raises(AttributeError):
        DEFAULT.half_mass = 1.0  # type: ignore[misc]


_FACTS = (
    ("following", (0.005, 0.05, 365.0)),
    ("lists", (0.03, 0.3, 365.0)),
    ("verified", (0.1, 0.1, 730.0)),
    ("wikipedia_links", (0.05, 0.5, 730.0)),
    ("wikipedia_views", (0.02, 0.4, 90.0)),
    ("seniority", (0.05, 0.2, 730.0)),
)


def test_published_models_do_not_change() -> None:
    """A change of any constant needs a new name; these are the constants of `clout-1` and `plain`."""
    rest = ((1.0, 2.0, 2.0, 3.0, 4.0, 4.0), (1.0, 7.0, 62.4), (0.5, 0.5, 1.0))
    small = (0.05, 1.0, 0.04, 10.0, 6.4, 0.375, _FACTS, (0.02, 0.2, 365.0), 30.0, 5.0, 0.1)
    fields = list(DEFAULT.__slots__)
    assert [getattr(DEFAULT, f) for f in fields] == ["clout-1", *rest, True, 0.8, 0.4, 0.25, *small]
    assert [getattr(PLAIN, f) for f in fields] == ["plain", *rest, False, 1.0, 0.0, 1.0, *small]
    assert DEFAULT.half_lives_ms == (86_400_000, 604_800_000, 5_391_360_000)


def test_followers_survive_as_whole_numbers() -> None:
    """Exact counts are exact: a hundred thousand followers more and one less."""
    world = World()
    world.did("follow", "ann", "bob", event_id="f")
    world.table.cells[world.table.slot("net:bob"), FOLLOWERS] += 100_000
    world.undo("follow", "ann", "f")
    assert world.record("bob")["followers"] == 100_000


amounts = st.floats(0, 1e6)


@given(st.tuples(amounts, amounts, amounts), st.integers(-50, 10**7), amounts, st.integers(-DAY_MS, 400 * DAY_MS))
def test_one_record_is_read_by_the_formulas_of_arrays(
    windows: tuple[float, float, float], followers: int, acted: float, elapsed_ms: int
) -> None:
    """What `terms` works out in plain numbers, `mass` and `hill` work out for arrays."""
    record = {
        "as_of": T0,
        "windows": dict(zip(score.WINDOWS, windows, strict=True)),
        "followers": followers,
        "acted": acted,
    }
    keep = score.keeps(DEFAULT, elapsed_ms)
    expected = float(score.mass(np.asarray(windows) * keep, followers, acted * keep[1], DEFAULT))
    found = score.terms(record, DEFAULT, T0 + elapsed_ms)
    assert found.mass == pytest.approx(expected, rel=1e-12)
    assert found.windows == pytest.approx(np.asarray(windows) * keep, rel=1e-12)
    assert score.shown(found.mass, DEFAULT) == pytest.approx(max(float(score.hill(expected, DEFAULT)), 1.0), rel=1e-12)
