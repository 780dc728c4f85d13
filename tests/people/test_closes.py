"""The last close of persons is by event time: live, without a broker, and in any order of arrival."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import offline
from streams.model.closes import last
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN
from streams.people.controls import Facts, Link, Unlink, parse
from streams.people.persons import begin_day
from streams.sources.record import Produced
from tests.people.doings import Doing, event, link, play
from tests.people.world import T0, House

CLOSE_MS = T0 + DAY_MS
MINUTE_MS = 60_000
ACCOUNTS = ("n:a0", "n:a1", "m:a0")
NEWEST = event(900, "like", "n:f0", "n:f1", CLOSE_MS + 90 * MINUTE_MS)  # so that all know that the day has closed


@st.composite
def around(draw: st.DrawFn) -> list[Doing]:
    """What happens in the three hours around a close, in the order of their times."""
    found: list[Doing] = []
    for number in range(draw(st.integers(1, 25))):
        ts = CLOSE_MS + draw(st.integers(-90, 85)) * MINUTE_MS + number
        account = draw(st.sampled_from(ACCOUNTS))
        if draw(st.integers(0, 3)) == 0:
            found.append(link(account, draw(st.sampled_from(("p", "p", "q", ""))), ts))
            continue
        kind, fan = draw(st.sampled_from(("like", "follow", "share"))), f"{account[0]}:f{draw(st.integers(0, 5))}"
        actor, target = (fan, account) if draw(st.integers(0, 3)) else (account, fan)
        found.append(event(number, kind, actor, target, ts))
        if draw(st.integers(0, 3)) == 0:
            later = min(ts + draw(st.integers(1, 90)) * MINUTE_MS, CLOSE_MS + 89 * MINUTE_MS)
            found.append(event(100 + number, kind, actor, target, later, undoes=found[-1]))
    return sorted(found, key=lambda one: one.ts)


def close(table: Table, user: str) -> float:
    """The last close; -1: none, also of whom nobody knows."""
    slot = table.users.get(user)
    return -1.0 if slot is None else float(last(table, [slot])[0])


def lives(house: House) -> dict[str, float]:
    """The last closes of both persons in a house where all know of the close."""
    for intake in house.intakes:
        intake.table.days.begin(NEWEST.ts)
        begin_day(intake.table)
    house.settle()
    return {user: close(house.table(user), user) for user in ("person:p", "person:q")}


def alone(done: list[Doing], block: int) -> dict[str, float]:
    """The same by one table, which folds blocks of so many."""
    events = [Produced(one.topic, one.user.encode(), orjson.dumps(one.value), one.ts) for one in done if one.to]
    told: list[Any] = [parse(orjson.dumps(one.value), NEWEST.ts) for one in done if not one.to]
    assert all(isinstance(one, Link | Unlink | Facts) for one in told)
    before, offline.BLOCK = offline.BLOCK, block
    try:
        table = offline.fold(events, PLAIN, newest_ms=NEWEST.ts, controls=told)
    finally:
        offline.BLOCK = before
    return {user: close(table, user) for user in ("person:p", "person:q")}


def by_hand(done: list[Doing]) -> dict[str, float]:
    """What the row of an account for each person would have at the close: of what was linked then, all that was before."""
    whose: dict[str, str] = {}
    for one in done:
        if not one.to and one.ts < CLOSE_MS:
            whose[one.user] = one.value.get("person", "")
    found = {}
    for person in ("p", "q"):
        theirs = [one for one in done if one.ts < CLOSE_MS]
        links = [link(account, person, T0) for account, of in sorted(whose.items()) if of == person]
        table = alone([*links, *(one for one in theirs if one.to), NEWEST], 1_000)
        found[f"person:{person}"] = table[f"person:{person}"]
    return found


@given(around(), st.booleans())
def test_live_is_what_it_would_be_without_what_came_since(done: list[Doing], settle: bool) -> None:
    """Links, unlinks and events since the close leave it as it was; those before it are in it."""
    found = lives(play(House(), [*done, NEWEST], settle=settle))
    assert found == pytest.approx(by_hand(done), abs=1e-6)


@given(around(), st.sampled_from((1, 3, 1_000)))
def test_live_equals_offline(done: list[Doing], block: int) -> None:
    """Blocks of the plain fold may straddle the close."""
    assert lives(play(House(), [*done, NEWEST], settle=True)) == pytest.approx(alone([*done, NEWEST], block), abs=1e-6)


@given(around(), st.randoms(use_true_random=False))
def test_any_order_within_ten_minutes(done: list[Doing], dice: Random) -> None:
    """Events that arrive up to ten minutes late, each topic's of a user in their order, controls when they are said."""
    arrives = {id(one): one.ts + (dice.randrange(10) * MINUTE_MS if one.to else 0) for one in done}
    reached: dict[tuple[str, str], int] = {}
    for one in done:
        place = one.topic, one.user
        arrives[id(one)] = reached[place] = max(arrives[id(one)], reached.get(place, 0))
    shuffled = sorted(done, key=lambda one: arrives[id(one)])
    found = lives(play(House(), [*shuffled, NEWEST], settle=dice.random() < 0.5))
    assert found == pytest.approx(lives(play(House(), [*done, NEWEST], settle=True)), abs=1e-6)
