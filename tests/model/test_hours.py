"""What has changed in an hour: the score less that of a fold of the events before the mark; what readers make of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fold.days import NONE
from streams.fold.rows import MARK_MS
from streams.model.closes import hour_ago
from streams.model.dates import mark_before
from streams.model.score import at
from streams.model.versions import DAY_MS, PLAIN
from tests.model.test_inforce import read, written
from tests.model.world import NETWORK, T0, World

MINUTE_MS = 60_000
USERS = ("ann", "bob", "eve")


class Doing(NamedTuple):
    """Who did what to whom, and whether they took it back, in minutes from the beginning."""

    kind: str
    actor: str
    target: str
    minute: int
    undone: int | None


doings = st.builds(
    Doing,
    st.sampled_from(["like", "follow", "share"]),
    st.sampled_from(USERS),
    st.sampled_from(USERS),
    st.integers(0, 200),
    st.none() | st.integers(1, 90),
)


def play(done: Sequence[Doing], until_ms: int, late: Sequence[int] = ()) -> World:
    """A world in which this was done before a moment; number i arrives `late[i]` minutes late."""
    steps = []
    for i, one in enumerate(done):
        ts, delay = T0 + one.minute * MINUTE_MS, late[i] * MINUTE_MS if late else 0
        steps.append((ts + delay, i, ts, False))
        if one.undone is not None:
            steps.append((ts + delay + one.undone * MINUTE_MS, i, ts + one.undone * MINUTE_MS, True))
    world = World(PLAIN)
    for _, i, ts, undo in sorted(steps):
        if ts >= until_ms:
            continue
        one = done[i]
        if undo:
            world.undo(one.kind, one.actor, f"e{i}", ts, f"u{i}")
        else:
            world.did(one.kind, one.actor, one.target, ts, f"e{i}")
    return world


def an_hour_ago(world: World, user: str, now_ms: int) -> float:
    """The score of somebody then; NONE."""
    slot = world.table.slot(f"{NETWORK}:{user}")
    return float(hour_ago(world.table, np.array([slot]), now_ms)[0])


@given(
    st.lists(doings, min_size=1, max_size=12),
    st.lists(st.integers(0, 10), min_size=12, max_size=12),
    st.integers(0, 90),
)
def test_the_score_an_hour_ago_is_that_of_the_events_before(done: list[Doing], late: list[int], passed: int) -> None:
    """Whatever comes late, is undone, or lies on a mark; also as time passes and nothing happens."""
    world = play(done, 2**62, late)
    now_ms = world.table.clock + passed * MINUTE_MS
    mark_ms = mark_before(now_ms) * MARK_MS
    assert 60 * MINUTE_MS <= now_ms - mark_ms < 80 * MINUTE_MS
    before = play(done, mark_ms)
    for user in USERS:
        slot = before.table.slot(f"{NETWORK}:{user}")
        found = an_hour_ago(world, user, now_ms)
        if before.table.cells[slot, 1] + before.table.cells[slot, 21] > 0:
            assert found == pytest.approx(before.record(user, mark_ms)["score"], abs=1e-6)
        else:
            assert found == NONE


def test_marks_are_twenty_minutes_apart() -> None:
    """What is done on a mark came behind it; the change refers to the third before the last one."""
    world = World(PLAIN)
    world.did("share", "ann", "bob", T0 - 1)
    world.did("share", "eve", "bob", T0)
    first = play([Doing("share", "ann", "bob", 0, None)], 2**62).record("bob", T0)["score"]
    for minute, known in ((59, False), (60, True), (79, True)):
        record = world.record("bob", T0 + minute * MINUTE_MS)
        assert ("hour" in record["delta"]) == known, minute
        if known:
            assert list(record["delta"]) == ["hour", "day"]
            assert record["delta"]["hour"] == pytest.approx(record["score"] - first, abs=1e-4)
    quiet = world.record("bob", T0 + 80 * MINUTE_MS)
    assert quiet["delta"]["hour"] < 0


def test_lines_are_of_those_who_were_there_lately() -> None:
    """After that nobody pays, and the row tells."""
    world = World(PLAIN)
    for minute in range(0, 400, 10):
        world.did("like", f"fan{minute}", "bob", T0 + minute * MINUTE_MS)
    assert int(world.table.hours.arrays.used[0]) <= 1 + 11  # bob, and who came since the fifth mark
    world.did("like", "ann", "eve", T0 + DAY_MS)
    assert int(world.table.hours.arrays.used[0]) == 1 + 2
    assert an_hour_ago(world, "bob", T0 + DAY_MS) == pytest.approx(
        world.record("bob", mark_before(T0 + DAY_MS) * MARK_MS)["score"]
    )


def test_a_reader_leaves_out_what_nobody_knows() -> None:
    """Up to the next mark the change goes on from what the record says; from an hour behind the record on the formula has it."""
    world = World(PLAIN)
    world.did("share", "ann", "bob", T0 - MINUTE_MS)
    world.did("share", "eve", "bob", T0 + 61 * MINUTE_MS)
    record = world.record("bob", T0 + 62 * MINUTE_MS)
    for minute in (62, 70, 79, 122, 139, 140, 200, 10_000):
        now_ms = T0 + minute * MINUTE_MS
        found, exact = at(record, PLAIN, now_ms)["delta"], world.record("bob", now_ms)["delta"]
        if 80 <= minute < 140:
            assert "hour" not in found
        else:
            assert found["hour"] == pytest.approx(exact["hour"], abs=1e-6), minute
        assert list(found)[-1] == "day"


def test_a_successor_has_the_same() -> None:
    """What `state` keeps says as much, also once marks have passed."""
    done = [
        Doing(kind, USERS[i % 3], USERS[(i + 1) % 3], 11 * i, 40)
        for i, kind in enumerate(("share", "follow", "like") * 5)
    ]
    world = play(done, 2**62)
    after = World(PLAIN)
    after.table = read(written(world, world.table.clock), PLAIN)
    found = [
        [an_hour_ago(one, user, world.table.clock + passed * MARK_MS) for user in USERS for passed in range(5)]
        for one in (world, after)
    ]
    assert found[1] == pytest.approx(found[0], abs=1e-9)
    assert len(set(found[0])) > 10
