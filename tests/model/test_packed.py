"""Tables that pack their lines of days whenever they can, beside such that never do: the same to the last bit."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.proof.simulation.packed import packed
from streams.fold.rows import DID, GOT, MET, TIED
from streams.formats import state
from streams.formats.packed import Packed
from streams.model import windows
from streams.model.closes import booked, history
from streams.model.records import scored
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT
from streams.people.controls import Fact, Facts
from streams.people.links import apply
from streams.scoreboard.histories import Histories
from tests.model.world import NETWORK, World, cut
from tests.strategies import Step, histories

LATER_MS = (3_600_000, DAY_MS, 7 * DAY_MS, 100 * DAY_MS)


def played(steps: list[Step], sizes: list[int], told_at: int) -> World:
    """The world after all of it in blocks of these sizes, over and over; facts are told on the way."""
    world, at, n = World(DEFAULT), 0, 0
    while at < len(steps):
        block = steps[at : at + sizes[n % len(sizes)]]
        if n == told_at:
            facts: dict[str, Fact | None] = {name: Fact(70.0, block[0].event.ts) for name in ("lists", "followers")}
            assert apply(world.table, [Facts(f"{NETWORK}:{block[0].event.actor}", block[0].event.ts, facts)]) == [None]
        world.fold(*((one.kind, one.event) for one in block))
        at, n = at + len(block), n + 1
    return world


def rows(table: Table, later_ms: int = 0) -> list[tuple[bytes, bytes]]:
    """All that `state` gets of everyone, and who has closes that it lacks."""
    marks = np.full(len(table), DID | GOT | TIED, np.uint8)
    marks[table.people.arrays.known[: len(table)] > 0] |= MET
    table.days.begin(table.clock + later_ms)
    made = cut(table, np.arange(len(table)), table.clock + later_ms, marks)
    return [*state.records(made, table.model.half_lives_ms), *made.closes]


def seen(table: Table, shown: Histories) -> list[Any]:
    """Records of everyone at later times, what Redis gets beside them, all closes, and ledgers."""
    slots, found = np.arange(len(table)), list[Any]()
    for later_ms in LATER_MS:
        now_ms = table.clock + later_ms
        for some in (slots[::2], slots):
            found.append([*scored(table, some, None, now_ms, 1).records])
            found.append((shown.changed(some), shown.users))
        found.append([booked(table, line) for line in table.days.lines(slots).tolist()])
        found.append([[*history(table, slot)] for slot in slots.tolist()])
    return found


def all_of(steps: list[Step], sizes: list[int], told_at: int) -> list[Any]:
    """What comes of a history, live and after a take-over that Redis survives or does not."""
    table = played(steps, sizes, told_at).table
    shown = Histories(table)
    found = [rows(table), seen(table, shown)]
    shown.empty()
    found += [seen(table, shown), kept := rows(table, DAY_MS)]
    for lost in (False, True):
        other = Table(DEFAULT)
        other.clock, other.landmarks = table.clock, [*table.landmarks]
        other.days.begin(table.clock + DAY_MS)
        for start in range(0, len(kept), 3):
            state.load(other, Packed.of(kept[start : start + 3]))
        after = Histories(other)
        if not lost:
            after.resume(np.arange(0, len(other), 2))
        found += [other.users[:], after.users, seen(other, after), rows(other, 9 * DAY_MS)]
    return found


def test_hardly_any_line_is_open() -> None:
    """Else the test below would compare a table with itself."""
    with packed():
        world = World(DEFAULT)
        for day in range(20):
            world.did("like", "ann", f"u{day % 10}", windows.landmark(2**40, DAY_MS) + day * DAY_MS)
    assert np.count_nonzero(world.table.days.arrays.line < 0) == 10
    assert len(world.table.days.arrays.day) < 5


@given(histories(), st.lists(st.integers(1, 8), min_size=1, max_size=4), st.integers(0, 5), st.sampled_from([4, 400]))
def test_any_history(steps: list[Step], sizes: list[int], told_at: int, farthest: int) -> None:
    """Records, rows of `state`, closes and ledgers, live and taken over, also when landmarks move each few days."""
    with mock.patch.object(windows, "FARTHEST", farthest):
        found = []
        for how in (contextlib.nullcontext(), packed()):
            with how:
                found.append(all_of(steps, sizes, told_at))
    assert found[0] == found[1]
