"""Ledgers: entries that add up to the change, in whatever order things came, live as afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS, Kind
from streams.fold.rows import LEDGER_DAYS
from streams.model import closes as closing
from streams.model.closes import booked
from streams.model.explain import Past
from streams.model.explained import Close, Entry, Ledger
from streams.model.ledger import of_days, since_close
from streams.model.records import scored
from streams.model.score import hill, mass_at, participation, reach, shown
from streams.model.versions import DAY_MS, DEFAULT, PLAIN, Model
from streams.people.controls import Fact, Facts
from streams.people.links import apply
from tests.model.world import NETWORK, T0, World

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


class Did(NamedTuple):
    """Somebody does something, or takes it back."""

    kind: Kind
    actor: str
    target: str
    ts: int
    id: str
    undo: bool = False


@st.composite
def doings(draw: st.DrawFn, days: int = 5) -> list[Did]:
    """Engagements among five people over some days, some of which are undone; in order of time."""
    found = []
    for n in range(draw(st.integers(1, 25))):
        actor, target = draw(st.permutations(["ann", "bob", "cid", "dan", "eva"]))[:2]
        ts = T0 + draw(st.integers(0, days * DAY_MS - 1))
        one = Did(draw(st.sampled_from(KINDS)), actor, target, ts, f"e{n}")
        found.append(one)
        if draw(st.integers(0, 3)) == 0:
            found.append(one._replace(ts=ts + draw(st.integers(11 * MINUTE_MS, 2 * DAY_MS)), id=f"u{n}", undo=True))
    return sorted((one for one in found if one.ts < T0 + days * DAY_MS), key=lambda one: one.ts)


def played(done: Sequence[Did], model: Model, now_ms: int) -> World:
    """A table after all of it, at that time."""
    world = World(model)
    for one in done:
        if one.undo:
            world.undo(one.kind, one.actor, f"e{one.id[1:]}", one.ts, one.id)
        else:
            world.did(one.kind, one.actor, one.target, one.ts, one.id)
    world.later(now_ms)
    return world


def record(world: World, slot: int, now_ms: int) -> dict[str, Any]:
    """Of that user at that time."""
    found: dict[str, Any] = orjson.loads(scored(world.table, np.array([slot]), None, now_ms, 1).records[0])
    return found


def points(entries: Sequence[Entry]) -> float:
    """Of all entries."""
    return sum(one.points for one in entries)


def by_cause(ledger: Ledger) -> dict[str, float]:
    """Mass of each entry."""
    return {one.cause: one.mass for one in ledger.entries}


NOW_MS = T0 + 5 * DAY_MS - 1


@given(doings(), st.sampled_from([DEFAULT, PLAIN]), st.integers(0, 3 * DAY_MS))
def test_entries_add_up(done: list[Did], model: Model, later_ms: int) -> None:
    """To the change since the close, however much later the record is read, also beyond closes that nobody wrote down."""
    world = played(done, model, NOW_MS)
    for slot in range(len(world.table)):
        known, now_ms = record(world, slot, NOW_MS), NOW_MS + later_ms
        closed_ms = now_ms // DAY_MS * DAY_MS
        found = since_close(known, model, now_ms, closed_ms)
        assert points(found.entries) == pytest.approx(found.points, abs=1e-6)
        assert found.score + found.points == pytest.approx(shown(mass_at(known, model, now_ms), model), abs=1e-6)
        if later_ms < 1 and known["delta"]["day"] is not None:
            assert found.points == pytest.approx(known["delta"]["day"], abs=1e-6)
        line = int(world.table.days.lines(np.array([slot]))[0])
        closes = {close.date: close.score for close in closing.history(world.table, slot)}
        for day in of_days(known, booked(world.table, line), model, closed_ms, []):
            assert points(day.entries) == pytest.approx(day.points, abs=1e-6)
            if day.date in closes:
                assert day.score == pytest.approx(closes[day.date], abs=1e-4)


@given(doings(), st.data())
def test_a_shuffled_order_gives_the_same(done: list[Did], data: st.DataObject) -> None:
    """Whoever comes up to ten minutes late: the same entries, of the open day and of closed ones."""
    late = [data.draw(st.integers(0, 10 * MINUTE_MS)) for _ in done]
    arrived = [one for _, one in sorted(zip(late, done, strict=True), key=lambda pair: pair[1].ts + pair[0])]
    calm, other = played(done, PLAIN, NOW_MS), played(arrived, PLAIN, NOW_MS)
    for user in calm.table.users:
        one, two = (of(world, user) for world in (calm, other))
        assert one.keys() == two.keys()
        for name in one:
            assert one[name] == pytest.approx(two[name], abs=2e-5), (user, name)


def of(world: World, user: str) -> dict[str, dict[str, float]]:
    """Mass by entry of the open day and of those that closed; what is left of rounding is left out."""
    slot = world.table.slot(user)
    closed_ms = NOW_MS // DAY_MS * DAY_MS
    known = record(world, slot, NOW_MS)
    days = of_days(known, booked(world.table, int(world.table.days.lines(np.array([slot]))[0])), PLAIN, closed_ms, [])
    ledgers = {"now": since_close(known, PLAIN, NOW_MS, closed_ms).entries} | {day.date: day.entries for day in days}
    found = {
        name: {one.cause: one.mass for one in entries if abs(one.mass) > 3e-5} for name, entries in ledgers.items()
    }
    return {name: entries for name, entries in found.items() if entries.keys() - {"decay"}}


@given(doings())
def test_entries_are_what_happened(done: list[Did]) -> None:
    """Each gain is what the events of the day weigh, decayed one by one; what was undone is `reversed`; reach and actions too."""
    world = played(done, PLAIN, NOW_MS)
    closed_ms = NOW_MS // DAY_MS * DAY_MS
    lives, mixture = np.asarray(PLAIN.half_lives_ms), np.asarray(PLAIN.mixture)

    def weighs(one: Did) -> float:
        return PLAIN.weights[KINDS.index(one.kind)] * float(0.5 ** ((NOW_MS - one.ts) / lives) @ mixture)

    events = {one.id: one for one in done if not one.undo}
    for user in world.table.users:
        known, name = record(world, world.table.slot(user), NOW_MS), user.partition(":")[2]
        if "since" not in known or known["since"]["at"] < closed_ms:
            continue
        wanted: dict[str, float] = {}
        for one in done:
            first = events[f"e{one.id[1:]}"]
            if first.target == name and one.ts >= closed_ms:
                cause, sign = ("reversed", -1.0) if one.undo else (one.kind, 1.0)
                wanted[cause] = wanted.get(cause, 0.0) + sign * weighs(first)
        found = by_cause(since_close(known, PLAIN, NOW_MS, closed_ms))
        for cause in {*wanted, *found} - {"decay", "reach", "participation"}:
            assert found.get(cause, 0.0) == pytest.approx(wanted.get(cause, 0.0), abs=1e-8), (user, cause)
        before, now = known["followers"] - known["since"].get("followers", 0), known["followers"]
        assert found.get("reach", 0.0) == pytest.approx(float(reach(now, PLAIN) - reach(before, PLAIN)), abs=1e-9)
        mine = [first for one in done if not one.undo and (first := events[one.id]).actor == name]
        undone = {f"e{one.id[1:]}" for one in done if one.undo and one.actor == name}
        kept = [0.5 ** ((NOW_MS - one.ts) / lives[1]) for one in mine if one.id not in undone]
        old = [
            0.5 ** ((NOW_MS - one.ts) / lives[1])
            for one in mine
            if one.ts < closed_ms and not gone(done, one, closed_ms)
        ]
        gained = float(participation(sum(kept), PLAIN) - participation(sum(old), PLAIN))
        assert found.get("participation", 0.0) == pytest.approx(gained, abs=1e-8)


def gone(done: Sequence[Did], one: Did, closed_ms: int) -> bool:
    """Was it taken back before the close?"""
    return any(other.undo and other.id[1:] == one.id[1:] and other.ts < closed_ms for other in done)


def test_the_first_day_begins_with_one() -> None:
    """Nobody had a close before: all there is has come today."""
    world = World()
    world.did("share", "ann", "bob", T0 + HOUR_MS)
    known = world.record("bob", T0 + 2 * HOUR_MS)
    found = since_close(known, DEFAULT, T0 + 2 * HOUR_MS, T0)
    assert (found.at, found.score) == (None, 1.0)
    assert found.points == pytest.approx(known["score"] - 1.0, abs=1e-7)
    assert by_cause(found).keys() == {"share", "decay"} - {"decay"}


def test_a_quiet_day_is_decay() -> None:
    """Nothing came: all that moved the score is silence."""
    world = World()
    world.did("share", "ann", "bob", T0 + HOUR_MS)
    now_ms = T0 + DAY_MS + HOUR_MS
    world.later(now_ms)
    found = since_close(world.record("bob", now_ms), DEFAULT, now_ms, T0 + DAY_MS)
    assert [one.cause for one in found.entries] == ["decay"]
    assert found.points < 0.0


def test_days_are_forgotten_after_a_week() -> None:
    """Of a user engaged with every day the last seven closed days are there, and the open one."""
    world = World()
    for day in range(12):
        world.did("like", f"a{day}", "bob", T0 + day * DAY_MS + HOUR_MS)
    slot, now_ms = world.table.slot("net:bob"), T0 + 11 * DAY_MS + 2 * HOUR_MS
    days = of_days(
        record(world, slot, now_ms),
        booked(world.table, int(world.table.days.lines(np.array([slot]))[0])),
        DEFAULT,
        now_ms,
        [],
    )
    assert [day.date for day in days] == [f"2026-01-{day:02}" for day in range(5, 12)]
    assert len(days) == LEDGER_DAYS
    assert all(by == {"like", "decay"} for by in ({one.cause for one in day.entries} for day in days))


def of_the_second_day() -> tuple[dict[str, Any], int]:
    """The record of somebody who got a share on the first day and a like on the second, and when it was made."""
    world, now_ms = World(), T0 + DAY_MS + 2 * HOUR_MS
    world.did("share", "ann", "bob", T0 + HOUR_MS)
    world.later(T0 + DAY_MS)
    world.did("like", "cid", "bob", T0 + DAY_MS + HOUR_MS)
    return world.record("bob", now_ms), now_ms


def test_another_model_is_a_line_of_its_own() -> None:
    """The close was made by another curve: what that alone moved is told apart, and all still adds up."""
    known, now_ms = of_the_second_day()
    close = known["score"] - known["delta"]["day"] - 3.0  # by a model that gave three points less
    found = since_close({**known, "delta": {"day": known["score"] - close}}, DEFAULT, now_ms, T0 + DAY_MS)
    [changed] = [one for one in found.entries if one.cause == "model"]
    assert changed.points == pytest.approx(3.0, abs=1e-7)
    assert points(found.entries) == pytest.approx(found.points, abs=1e-6)


def test_equal_masses_are_converted_by_the_slope() -> None:
    """Gained as much as was lost: the change is 0, and the entries are what a little of either would have moved."""
    known, now_ms = of_the_second_day()
    mass = mass_at(known, DEFAULT, now_ms)
    same = {**known, "since": {**known["since"], "mass": mass}, "delta": {"day": 0.0}}
    found = since_close(same, DEFAULT, now_ms, T0 + DAY_MS)
    gained = next(one for one in found.entries if one.cause == "like")
    slope = float(hill(mass + 1e-4, DEFAULT) - hill(mass - 1e-4, DEFAULT)) / 2e-4
    assert gained.points == pytest.approx(gained.mass * slope, rel=1e-6)
    assert points(found.entries) == pytest.approx(0.0, abs=1e-9)


def test_like_and_unlike_on_one_day_is_no_beginning() -> None:
    """Nothing is left of them, but that they came today: the close is still the one there was."""
    world = World()
    world.did("share", "ann", "bob", T0 + HOUR_MS)
    world.later(T0 + DAY_MS)
    world.did("like", "bob", "ann", T0 + DAY_MS + HOUR_MS, "it")
    world.undo("like", "bob", "it", T0 + DAY_MS + 2 * HOUR_MS)
    now_ms = T0 + DAY_MS + 3 * HOUR_MS
    known = world.record("bob", now_ms)
    found = since_close(known, PLAIN, now_ms, T0 + DAY_MS)
    assert found.at == T0 + DAY_MS
    assert found.points == pytest.approx(known["delta"]["day"], abs=1e-6)
    assert "since" in known


def told(world: World, user: str, ts: int, **figures: float) -> None:
    """What is known of somebody, from then on."""
    assert apply(world.table, [Facts(f"{NETWORK}:{user}", ts, {k: Fact(v, ts) for k, v in figures.items()})]) == [None]


def test_a_fact_of_today_is_told() -> None:
    """Also of somebody who was quiet: it was not there at the close; and of the day when that has closed."""
    world = World()
    for day in (0, 1):
        world.did("share", f"a{day}", "bob", T0 + day * DAY_MS + HOUR_MS)
    world.later(T0 + 3 * DAY_MS)
    world.did("like", "x", "y", T0 + 3 * DAY_MS + 1)
    told(world, "bob", T0 + 3 * DAY_MS + HOUR_MS, lists=500.0)
    now_ms = T0 + 3 * DAY_MS + 2 * HOUR_MS
    known = world.record("bob", now_ms)
    found = since_close(known, PLAIN, now_ms, T0 + 3 * DAY_MS)
    assert by_cause(found)["facts"] > 0.2
    assert found.points == pytest.approx(known["delta"]["day"], abs=1e-6)
    world.later(T0 + 4 * DAY_MS)
    slot = world.table.slot("net:bob")
    line = int(world.table.days.lines(np.array([slot]))[0])
    later = record(world, slot, T0 + 4 * DAY_MS + HOUR_MS)
    [day] = [
        one for one in of_days(later, booked(world.table, line), PLAIN, T0 + 4 * DAY_MS, []) if one.date == "2026-01-04"
    ]
    assert {one.cause: one.mass for one in day.entries}["facts"] > 0.2


def test_a_first_day_tells_what_was_known_before_it() -> None:
    """Facts and followers told before anybody engaged are what they are, not silence, also when the day has closed."""
    world = World()
    told(world, "bob", T0 + 1, lists=500.0, followers=900.0)
    world.did("like", "ann", "bob", T0 + HOUR_MS)
    world.later(T0 + DAY_MS)
    world.did("like", "cid", "bob", T0 + DAY_MS + HOUR_MS)
    now_ms, slot = T0 + DAY_MS + 2 * HOUR_MS, world.table.slot("net:bob")
    line = int(world.table.days.lines(np.array([slot]))[0])
    [day] = of_days(record(world, slot, now_ms), booked(world.table, line), PLAIN, T0 + DAY_MS, [])
    found = {one.cause: one.mass for one in day.entries if abs(one.mass) > 1e-6}
    assert found.keys() == {"like", "facts", "reach"}
    assert min(found["facts"], found["reach"]) > 0.2


def test_what_was_known_at_a_moment() -> None:
    """A close is dated by the day that it ends: of a moment in a day that one is not known yet."""
    closes = [Close(date=f"2026-01-{day:02}", score=40.0, model="plain") for day in range(1, 11)]
    past = Past(T0 + 10 * DAY_MS, closes, None)
    assert past.until(T0 + 10 * DAY_MS + HOUR_MS) == past
    then = past.until(T0 + 8 * DAY_MS + HOUR_MS)
    assert (then.closed_ms, then.closes[-1].date) == (T0 + 8 * DAY_MS, "2026-01-08")
