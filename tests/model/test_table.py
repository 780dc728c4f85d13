"""The table and the passes over all of it: growth, landmarks, the idle pass, daily closes."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from streams.fold.rows import ACTED, CLOSE, DID, GOT, SCORE, SUMS, WIDTH
from streams.model import days, windows
from streams.model.alerts import FallRule
from streams.model.assess import moved, population, scores
from streams.model.table import _FIRST, _STEP, Table
from streams.model.versions import DAY_MS, DEFAULT, PLAIN
from streams.partition.outgoing import Outgoing, chunks
from tests.model.assessed import assess
from tests.model.world import HOUR_MS, T0, YEAR_MS, World, cut, event


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


def closes(world: World, now_ms: int) -> list[str]:
    """The dates closed at that time."""
    return [date for date, _ in days.due(world.table, now_ms)]


def test_daily_close_is_the_score_at_midnight() -> None:
    """The first look only notes the day; at the next midnight the day before is closed with the scores of midnight."""
    world = World()
    world.did("share", "ann", "bob", T0 + HOUR_MS)
    assert closes(world, T0 + 2 * HOUR_MS) == []
    assert closes(world, T0 + DAY_MS - 1) == []
    taken = list(days.due(world.table, T0 + DAY_MS + 5 * HOUR_MS))
    assert [date for date, _ in taken] == ["2026-01-01"]
    expected = world.record("bob", T0 + DAY_MS)["score"]
    assert taken[0][1][world.table.slot("net:bob")] == pytest.approx(
        expected, abs=5.1e-9
    )  # a record has eight decimals
    assert world.cell("bob", CLOSE) == pytest.approx(expected, abs=5.1e-9)
    assert closes(world, T0 + DAY_MS + 6 * HOUR_MS) == []


def test_closes_are_taken_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two slices others have their turn; whoever is new then is closed as well, and so is everybody else."""
    monkeypatch.setattr("streams.model.assess.SLICE", 2)
    world = World()
    for user in ("ann", "bob", "cid", "dan"):
        world.did("share", user, "eve", T0 + HOUR_MS)
    list(days.due(world.table, T0))
    taken = days.taken(world.table, T0 + DAY_MS)
    assert next(taken) is None
    world.did("share", "fay", "eve", T0 + DAY_MS)
    closed = next(part for part in taken if part)
    assert len(closed[1]) == len(world.table) == 6
    assert (world.table.cells[:6, CLOSE] == closed[1]).all()


def test_delta_is_against_the_close() -> None:
    """The record's change over a day is the score less the last close; null before the first."""
    world = World()
    world.did("share", "ann", "bob")
    list(days.due(world.table, T0))
    assert world.record("bob")["delta"] == {"day": None}
    list(days.due(world.table, T0 + DAY_MS))
    now_ms = T0 + DAY_MS + HOUR_MS
    expected = world.record("bob", now_ms)["score"] - world.record("bob", T0 + DAY_MS)["score"]
    assert world.record("bob", now_ms)["delta"]["day"] == pytest.approx(expected)
    assert expected < 0


def test_days_without_events_are_closed_too() -> None:
    """After three silent midnights three closes, oldest first, falling; after years the last ninety days."""
    world = World()
    world.did("share", "ann", "bob")
    list(days.due(world.table, T0))
    taken = list(days.due(world.table, T0 + 3 * DAY_MS))
    assert [date for date, _ in taken] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    of_bob = [found[world.table.slot("net:bob")] for _, found in taken]
    assert of_bob == sorted(of_bob, reverse=True)
    late = closes(world, T0 + 2 * YEAR_MS)
    assert len(late) == 90
    assert late[-1] == "2027-12-31"


def test_closes_are_taken_once_whatever_the_clock_does() -> None:
    """A clock that goes back closes nothing again, and nothing twice when it comes forward."""
    world = World()
    world.did("share", "ann", "bob")
    list(days.due(world.table, T0 + 5 * DAY_MS))
    assert closes(world, T0) == []
    assert closes(world, T0 + 5 * DAY_MS + HOUR_MS) == []
    assert closes(world, T0 + 6 * DAY_MS) == ["2026-01-06"]


def test_a_day_may_close_at_another_time() -> None:
    """Closes are of the moment when the day closes, under the date on which it began; closing again does the same."""
    world, noon_ms = World(), 12 * HOUR_MS
    world.did("share", "ann", "bob")
    assert list(days.due(world.table, T0 + HOUR_MS, noon_ms)) == []
    assert list(days.due(world.table, T0 + noon_ms - 1, noon_ms)) == []
    [(date, scores)] = days.due(world.table, T0 + noon_ms, noon_ms)
    assert date == "2025-12-31"
    assert scores.tolist() == population(world.table, T0 + noon_ms).tolist()
    assert world.table.closed_ms == T0 + noon_ms
    world.table.cells[:, CLOSE] = 0.0
    days.close_again(world.table, np.arange(len(world.table)))
    assert world.table.cells[: len(world.table), CLOSE].tolist() == scores.tolist()


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
    pieces = chunks(table, FallRule(), cut(table, slots, T0), 1)
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
