"""The table and the passes over all of it: growth, landmarks, the idle pass, daily closes."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from streams.events import KIND_INDEX
from streams.fold.rows import ACTED, DID, GOT, SCORE, SUMS, WIDTH
from streams.fold.since import ACTED_SINCE, FOLLOWERS_SINCE, GAINED, KEPT_SINCE, REVERSED
from streams.model import closes as closing
from streams.model import windows
from streams.model.alerts import Judge
from streams.model.assess import moved, population, scores
from streams.model.ruleset import RuleSet
from streams.model.table import _FIRST, _STEP, Table
from streams.model.versions import DAY_MS, DEFAULT, PLAIN
from streams.partition.outgoing import Outgoing, chunks
from tests.model.assessed import assess
from tests.model.world import HOUR_MS, NETWORK, T0, YEAR_MS, World, cut, event


def test_growth_keeps_everybody() -> None:
    """Across the step of 16,384 users old rows stay, new ones are zero, and all can be marked and found."""
    table = Table(PLAIN)
    for n in range(_FIRST):
        table.slot(f"net:u{n}")
    table.cells[:] = 7.0
    table.dirty[:] = DID
    slot = table.slot("net:new")
    assert slot == _FIRST == table.slot("net:new")
    assert (table.cells[:_FIRST] == 7.0).all()
    assert (table.cells[_FIRST:] == 0.0).all()
    assert table.cells.shape == (_FIRST + 1 + _STEP, WIDTH)
    table.dirty[slot] = GOT
    assert table.changed()[0].tolist() == list(range(_FIRST + 1))
    assert table.changed()[0].tolist() == []
    assert (len(table), table.users[slot], table.memory[slot]) == (_FIRST + 1, "net:new", b"")


def test_folding_across_the_step() -> None:
    """A block whose engagements add users beyond the step leaves actors and targets right."""
    world = World()
    for n in range(_FIRST - 2):
        world.table.slot(f"net:filler{n}")
    world.fold(*[("like", event("ann", f"t{n}")) for n in range(10)])
    assert world.record("ann")["actions"] == 10
    assert all(world.record(f"t{n}")["windows"]["day"] == pytest.approx(1.0) for n in range(10))
    assert len(world.table.dirty) == len(world.table.cells) > _FIRST + _STEP


def test_landmarks_are_the_same_for_all_workers() -> None:
    """They are whole half-lives since the epoch, whichever event came first: never after it, less than a half-life before."""
    for ts in (T0, T0 + 1, T0 + 12345678, T0 + DAY_MS - 1):
        table = Table(PLAIN)
        table.advance(ts)
        for at, life in zip(table.landmarks, PLAIN.half_lives_ms, strict=True):
            assert at % life == 0
            assert at <= ts < at + life
    assert windows.landmark(T0, DAY_MS) == T0


def test_clock_does_not_go_back() -> None:
    """An older block moves neither the clock nor a landmark."""
    table = Table(PLAIN)
    table.advance(T0)
    landmarks = list(table.landmarks)
    table.advance(T0 - 5 * YEAR_MS)
    assert (table.clock, table.landmarks) == (T0, landmarks)


def test_landmark_moves_only_when_far_behind() -> None:
    """The day's landmark stays for 400 half-lives and then jumps to the newest event; week and quarter stay."""
    table = Table(PLAIN)
    table.advance(T0)
    before = list(table.landmarks)
    table.advance(T0 + 400 * DAY_MS)
    assert table.landmarks == before
    table.advance(T0 + 401 * DAY_MS)
    assert table.landmarks == [T0 + 401 * DAY_MS, *before[1:]]


@pytest.mark.parametrize("gap_ms", [399 * DAY_MS, 402 * DAY_MS, 3 * YEAR_MS, 9 * YEAR_MS, 40 * YEAR_MS])
def test_events_years_apart(gap_ms: int) -> None:
    """What was done years ago weighs what the formula says, to the last digits, however often landmarks moved."""
    world = World()
    world.did("share", "ann", "bob")
    for step in (gap_ms // 3, gap_ms // 2, gap_ms):
        world.did("like", "cat", "dan", T0 + step)
    found = world.record("bob", T0 + gap_ms)["windows"]
    for name, life in zip(("day", "week", "quarter"), PLAIN.half_lives_ms, strict=True):
        assert found[name] == pytest.approx(4.0 * 2.0 ** (-gap_ms / life), rel=1e-9, abs=1e-300)
    assert world.record("dan", T0 + gap_ms)["windows"]["day"] >= 1.0
    assert world.record("ann", T0 + gap_ms)["acted"] == pytest.approx(
        2.0 ** (-gap_ms / PLAIN.half_lives_ms[1]), rel=1e-9
    )


def test_late_events_are_exact() -> None:
    """Events before the landmark, by hours or years, add what they would have added in time."""
    late, in_time = World(), World()
    events = [("share", event("ann", "bob", T0 - back)) for back in (3 * YEAR_MS, 100 * DAY_MS, 5 * HOUR_MS, 1, 0)]
    for one in reversed(events):
        late.fold(one)
    for one in events:
        in_time.fold(one)
    assert late.record("bob")["windows"] == pytest.approx(in_time.record("bob")["windows"], rel=1e-12)


def test_population_agrees_with_records() -> None:
    """The pass over everybody, the scores of some and the records say the same."""
    world = World(DEFAULT)
    for n in range(50):
        world.did("share" if n % 3 else "follow", f"a{n % 7}", f"b{n % 11}", T0 + n * HOUR_MS)
    now_ms = T0 + 3 * DAY_MS
    everyone = population(world.table, now_ms)
    names = [name.removeprefix("net:") for name in world.table.users]
    assert everyone.tolist() == pytest.approx([world.record(name, now_ms)["score"] for name in names], abs=5.1e-9)
    some = np.array([3, 1])
    assert scores(world.table, some, now_ms).tolist() == pytest.approx(everyone[some].tolist(), rel=1e-12)
    assert (np.maximum(assess(world.table, world.table.cells[some], now_ms).unfloored, 1.0)).tolist() == pytest.approx(
        everyone[some].tolist()
    )


def shown(world: World, now_ms: int) -> None:
    """Everybody's score is published at that time."""
    world.table.cells[: len(world.table), SCORE] = population(world.table, now_ms)


def test_idle_pass_finds_who_moved_a_displayed_step() -> None:
    """Nobody at once; after days those whose score fell by 0.1; those at the floor never."""
    world = World()
    world.did("share", "ann", "bob")
    world.table.slot("net:nobody")
    shown(world, T0)
    bob = world.table.slot("net:bob")
    assert moved(world.table, T0).tolist() == []
    assert bob in moved(world.table, T0 + DAY_MS).tolist()
    for minutes in range(0, 300, 5):
        now_ms = T0 + minutes * 60_000
        fallen = world.record("bob")["score"] - world.record("bob", now_ms)["score"]
        assert (bob in moved(world.table, now_ms).tolist()) == (fallen >= 0.1)
    assert world.table.slot("net:nobody") not in moved(world.table, T0 + YEAR_MS).tolist()


def test_idle_pass_leaves_out_who_was_never_shown() -> None:
    """A new user is published because it changed, not because it moved."""
    world = World()
    world.did("share", "ann", "bob")
    assert moved(world.table, T0 + YEAR_MS).tolist() == []


def closes(world: World, user: str, now_ms: int) -> dict[str, float]:
    """The closes of a user at that time, by date."""
    world.later(now_ms)
    return {one.date: one.score for one in closing.history(world.table, world.table.slot(f"{NETWORK}:{user}"))}


def at(world: World, user: str, now_ms: int) -> Any:
    """The score then; a record has eight decimals, a close is kept as a mass with seven digits."""
    return pytest.approx(world.record(user, now_ms)["score"], abs=1e-5)


def test_daily_close_is_the_score_at_midnight() -> None:
    """Who was there before it has one, of that moment."""
    world = World()
    world.did("share", "ann", "bob", T0 + HOUR_MS)
    assert closes(world, "bob", T0 + 2 * HOUR_MS) == closes(world, "bob", T0 + DAY_MS - 1) == {}
    assert closes(world, "bob", T0 + DAY_MS + 5 * HOUR_MS) == {"2026-01-01": at(world, "bob", T0 + DAY_MS)}


def test_closes_taken_and_closes_of_the_closed_form_are_the_same() -> None:
    """Whoever is touched each day has them in a line, whoever is left alone has none, and the same closes."""
    world, twice = World(), World()
    for one in (world, twice):
        one.did("share", "ann", "bob")
    for day in range(1, 100):
        twice.later(T0 + day * DAY_MS)
        closing.touch(twice.table, np.array([twice.table.slot("net:bob")]), T0 + day * DAY_MS)
    assert twice.table.days.lines(np.array([twice.table.slot("net:bob")])) > 0
    assert not world.table.days.arrays.line.any()
    now_ms = T0 + 99 * DAY_MS
    assert closes(world, "bob", now_ms) == pytest.approx(closes(twice, "bob", now_ms), abs=1e-5)


def test_delta_is_against_the_closes() -> None:
    """The record's changes are the score less the closes of the last day, of a week and of a month ago; where there are some."""
    world = World()
    world.did("share", "ann", "bob")
    assert world.record("bob")["delta"] == {"day": None}
    for back, names in ((1, ["day"]), (7, ["day", "week"]), (30, ["day", "week", "month"])):
        now_ms = T0 + back * DAY_MS + HOUR_MS
        world.later(now_ms)
        found = world.record("bob", now_ms)
        closed = {"day": back * DAY_MS, "week": (back - 6) * DAY_MS, "month": (back - 29) * DAY_MS}
        expected = {name: found["score"] - world.record("bob", T0 + closed[name])["score"] for name in names}
        expected["hour"] = found["score"] - world.record("bob", now_ms - HOUR_MS)["score"]
        assert found["delta"] == pytest.approx(expected, abs=2e-8)
        assert max(expected.values()) < 0


def test_days_without_events_are_closed_too() -> None:
    """After three silent midnights three closes, oldest first, falling; after years the last ninety days."""
    world = World()
    world.did("share", "ann", "bob")
    of_bob = closes(world, "bob", T0 + 3 * DAY_MS)
    assert list(of_bob) == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert list(of_bob.values()) == sorted(of_bob.values(), reverse=True)
    late = closes(world, "bob", T0 + 2 * YEAR_MS)
    assert len(late) == 90
    assert max(late) == "2027-12-31"


def test_a_clock_that_goes_back_closes_nothing() -> None:
    """And nothing twice when it comes forward."""
    world = World()
    world.did("share", "ann", "bob")
    before = closes(world, "bob", T0 + 5 * DAY_MS)
    assert closes(world, "bob", T0) == before == closes(world, "bob", T0 + 5 * DAY_MS + HOUR_MS)
    assert list(closes(world, "bob", T0 + 6 * DAY_MS)) == [*before, "2026-01-06"]


def test_a_day_may_close_at_another_time() -> None:
    """Closes are of the moment when the day closes, under the date on which it began."""
    world, noon_ms = World(), 12 * HOUR_MS
    world.table.days.closes_ms = noon_ms
    world.did("share", "ann", "bob")
    assert closes(world, "bob", T0 + noon_ms - 1) == {}
    assert closes(world, "bob", T0 + noon_ms) == {"2025-12-31": at(world, "bob", T0 + noon_ms)}


def test_a_close_is_by_event_time() -> None:
    """What comes late, before a close that is taken, is in it; what is of today is not; an undo of today leaves it as it was."""
    world, calm = World(), World()
    world.did("share", "ann", "bob", T0 + HOUR_MS)
    world.later(T0 + DAY_MS)
    world.did("reply", "cid", "bob", T0 + DAY_MS + HOUR_MS)
    first = closes(world, "bob", T0 + DAY_MS)["2026-01-01"]
    world.did("follow", "dan", "bob", T0 + 2 * HOUR_MS, "late")
    for actor, kind, ts in (("ann", "share", T0 + HOUR_MS), ("dan", "follow", T0 + 2 * HOUR_MS)):
        calm.did(kind, actor, "bob", ts)
    assert first < closes(world, "bob", T0 + DAY_MS)["2026-01-01"] == at(calm, "bob", T0 + DAY_MS)
    world.undo("follow", "dan", "late", T0 + DAY_MS + 2 * HOUR_MS)
    assert closes(world, "bob", T0 + DAY_MS)["2026-01-01"] == at(calm, "bob", T0 + DAY_MS)


def test_what_has_come_since_the_close() -> None:
    """Gained by kind and window, reversed by window, own actions, followers: beside the sums of the row, and gone with the next."""
    world = World()
    world.did("share", "ann", "bob", T0 + HOUR_MS, "s")
    world.later(T0 + DAY_MS)
    world.did("follow", "cid", "bob", T0 + DAY_MS + HOUR_MS)
    world.did("like", "bob", "ann", T0 + DAY_MS + HOUR_MS)
    world.undo("share", "ann", "s", T0 + DAY_MS + 2 * HOUR_MS)
    slots = np.array([world.table.slot("net:bob")])
    (day,), (since,) = world.table.days.since(slots)
    row = world.table.cells[slots[0]]
    follows = SUMS + 3 * KIND_INDEX["follow"]
    shares = SUMS + 3 * KIND_INDEX["share"]
    assert day * DAY_MS == T0 + DAY_MS
    assert since[GAINED + 3 : GAINED + 6].tolist() == row[follows : follows + 3].tolist()
    grown = since[REVERSED : REVERSED + 3] * world.table.decays(T0 + HOUR_MS)[:3]
    assert grown.tolist() == pytest.approx([-4.0] * 3)
    assert row[shares : shares + 3].tolist() == [0.0] * 3
    assert (since[ACTED_SINCE], since[FOLLOWERS_SINCE]) == (pytest.approx(row[ACTED]), 1.0)
    world.later(T0 + 2 * DAY_MS)
    world.did("like", "dan", "bob", T0 + 2 * DAY_MS + HOUR_MS)
    (_, (since,)) = world.table.days.since(slots)
    assert np.flatnonzero(since[:KEPT_SINCE]).tolist() == [GAINED, GAINED + 1, GAINED + 2]


def scores_in(piece: Outgoing) -> list[float]:
    """Those of the records."""
    return [orjson.loads(record)["score"] for _, record in piece.records]


def test_landmark_that_moves_while_an_interval_is_sent() -> None:
    """Folding goes on while a cut is sent in pieces: rows of the cut are read with the landmarks they were written with.

    A first event of this year after those of last year moves the day's landmark by more than 400 half-lives.
    """
    world = World()
    world.fold(*[("share", event("ann", f"u{n}")) for n in range(1_200)])
    table = world.table
    slots, _ = table.changed()
    expected = population(table, T0).tolist()
    pieces = chunks(table, Judge(table, RuleSet(table)), cut(table, slots, T0), 1)
    found = scores_in(next(pieces))
    world.did("like", "cat", "dan", T0 + 402 * DAY_MS)
    for piece in pieces:
        found += scores_in(piece)
    assert found == pytest.approx(expected, rel=1e-9)


def test_sums_are_kept_in_growing_units() -> None:
    """Folding is a plain addition of w * 2^((ts - L) / H): nobody's older sums are touched."""
    world = World()
    world.did("like", "ann", "bob", T0)
    before = world.table.cells[: len(world.table), SUMS:ACTED].copy(), world.cell("bob", SUMS)
    world.did("like", "ann", "cat", T0 + 2 * DAY_MS)
    assert world.cell("bob", SUMS) == before[1] == 1.0  # the day's landmark is T0 itself
    assert world.cell("cat", SUMS) == 4.0  # two half-lives later
