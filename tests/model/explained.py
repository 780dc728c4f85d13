"""Users of all sorts for the tests of explanations: accounts, persons, people with facts, made by the real fold."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from streams.model.versions import DAY_MS, DEFAULT, PLAIN, Model
from tests.people.doings import ACCOUNTS, PERSONS, Doing, doings, facts, play
from tests.people.world import T0, House

NOW_MS = T0 + 4 * DAY_MS
USERS = (*ACCOUNTS, *(f"person:{name}" for name in PERSONS))

models = st.sampled_from([DEFAULT, PLAIN])


@st.composite
def dated(draw: st.DrawFn) -> Doing:
    """A fact from long ago, or of a date that lies ahead."""
    name, days = draw(st.sampled_from(["lists", "wikipedia_views", "stars"])), draw(st.integers(-800, 800))
    return facts(draw(st.sampled_from(USERS)), T0, {name: (draw(st.integers(0, 10**6)), NOW_MS + days * DAY_MS)})


@st.composite
def houses(draw: st.DrawFn, model: Model) -> House:
    """One partition in which much happened."""
    done = draw(doings(kin=True, followers=True)) + draw(st.lists(dated(), max_size=4))
    house = play(House(1, model), done, settle=True)
    house.settle()
    return house


def records(house: House, now_ms: int = NOW_MS) -> list[dict[str, Any]]:
    """Of everyone there is."""
    return [house.record(user, now_ms) for user in house.intakes[0].table.users]
