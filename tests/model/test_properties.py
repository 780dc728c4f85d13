"""The algebra of the score, for any history: order, bounds, parts, undo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fold.rows import ACTIONS, ENGAGEMENTS, FOLLOWERS
from streams.formats.engagements import local
from streams.model.engagements import packed
from streams.model.receiving import receive
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT, PLAIN, Model
from tests.model.assessed import assess
from tests.model.world import World, weigh
from tests.strategies import T0, Step, histories, interleavings, kinds, people, times

NOW_MS = T0 + 40 * DAY_MS


def folded(steps: list[Step], model: Model) -> World:
    """A history, event by event."""
    world = World(model)
    for step in steps:
        world.fold((step.kind, step.event))
    return world


def seen(table: Table) -> dict[str, list[float]]:
    """What `plain` keeps of every user, whichever slot it has: windows, decayed and exact actions, engagements, followers."""
    found = assess(table, table.cells[: len(table)], NOW_MS)
    return {
        name: [
            *found.windows[slot].tolist(),
            float(found.acted[slot]),
            *table.cells[slot, [ACTIONS, ENGAGEMENTS, FOLLOWERS]].tolist(),
        ]
        for slot, name in enumerate(table.users)
    }


def alike(one: dict[str, list[float]], other: dict[str, list[float]]) -> None:
    """Equal to 1e-9."""
    assert one.keys() == other.keys()
    for name, numbers in one.items():
        assert numbers == pytest.approx(other[name], rel=1e-9, abs=1e-9), name


@given(st.data())
def test_plain_does_not_depend_on_how_topics_interleave(data: st.DataObject) -> None:
    """Same order within each topic, any order between them, any blocks, packs arriving in any order: same rows."""
    steps = data.draw(histories())
    plain = folded(steps, PLAIN).table
    table = Table(PLAIN)
    packs = [weigh(table, [(s.kind, s.event) for s in block]) for block in data.draw(interleavings(steps))]
    for pack in data.draw(st.permutations(packs)):
        receive(table, [pack])
    alike(seen(table), seen(plain))
    for name in ("repeats", "undone", "undo_unknown", "self_engagements", "folded"):
        assert getattr(table.counts, name) == getattr(plain.counts, name)


@given(histories(undo=False), st.randoms(use_true_random=False))
def test_late_events_are_as_good_as_early_ones(steps: list[Step], shuffle: st.DataObject) -> None:
    """Under `plain`, without undo, any order at all gives the same windows and counts."""
    other = list(steps)
    shuffle.shuffle(other)  # type: ignore[attr-defined]
    alike(seen(folded(other, PLAIN).table), seen(folded(steps, PLAIN).table))


@given(histories(), st.sampled_from([PLAIN, DEFAULT]), st.integers(0, 3 * 365 * DAY_MS))
def test_scores_and_parts(steps: list[Step], model: Model, later_ms: int) -> None:
    """1 <= score <= 100; parts by kind and by network, reach and participation add up to the unfloored score."""
    world = folded(steps, model)
    now_ms = NOW_MS + later_ms
    everyone = assess(world.table, world.table.cells[: len(world.table)], now_ms)
    for slot, name in enumerate(world.table.users):
        record = world.record(name.removeprefix("net:"), now_ms)
        parts, unfloored = record["parts"], float(everyone.unfloored[slot])
        rest = parts["reach"] + parts["participation"]
        assert 1.0 <= record["score"] <= 100.0
        assert record["score"] == pytest.approx(max(unfloored, 1.0), abs=5.1e-9)  # eight decimals
        assert record["floored"] == (unfloored < 1.0)
        assert sum(parts["kinds"].values()) + rest == pytest.approx(unfloored, abs=5e-8)
        assert sum(parts["networks"].values()) + rest == pytest.approx(unfloored, abs=5e-8)
        assert all(points >= 0 for points in [*parts["kinds"].values(), *parts["networks"].values(), rest])
        assert record["actors"] >= (record["engagements"] > 0)
        assert record["engagements"] >= 0
        assert record["followers"] >= 0


@given(
    histories(most=12), kinds, people, people, times, st.integers(0, 100 * DAY_MS), st.sampled_from([PLAIN, DEFAULT])
)
def test_undo_restores_what_was(
    steps: list[Step], kind: str, actor: str, target: str, ts: int, after_ms: int, model: Model
) -> None:
    """After any history, an event and its undo leave every score, window, count and part as without them; not who was there."""
    world, now_ms = folded(steps, model), NOW_MS + after_ms
    names = {actor, target} & {name.removeprefix("net:") for name in world.table.users}
    before = {name: world.record(name, now_ms) for name in names}
    if actor == target:
        return
    world.did(kind, actor, target, ts, "it")
    world.undo(kind, actor, "it", ts + after_ms)
    for name in names:
        after = world.record(name, now_ms)
        assert after["score"] == pytest.approx(before[name]["score"], abs=1.1e-8)
        for field in ("engagements", "followers", "floored"):
            assert after[field] == before[name][field]
        assert after["actors"] - before[name]["actors"] in ((0, 1) if name == target else (0,))
        assert after["windows"] == pytest.approx(before[name]["windows"], rel=2e-9, abs=1e-9)
        assert after["acted"] == pytest.approx(before[name]["acted"], rel=2e-9, abs=1e-9)


@given(histories(undo=False), kinds, st.integers(0, 50 * DAY_MS))
def test_one_more_engagement_never_lowers_a_score(steps: list[Step], kind: str, later_ms: int) -> None:
    """Whoever gets one more engagement, at whatever age, scores at least as much."""
    world = folded(steps, DEFAULT)
    name = world.table.users[-1].removeprefix("net:")
    before = world.record(name, NOW_MS)["score"]
    world.did(kind, "somebody else", name, NOW_MS - later_ms)
    assert world.record(name, NOW_MS)["score"] >= before


@given(histories(undo=False), st.integers(1, 500 * DAY_MS))
def test_who_is_idle_only_falls(steps: list[Step], later_ms: int) -> None:
    """Without events no score rises."""
    table = folded(steps, DEFAULT).table
    rows = table.cells[: len(table)]
    now, then = assess(table, rows, NOW_MS).unfloored, assess(table, rows, NOW_MS + later_ms).unfloored
    assert (then <= now * (1 + 1e-12)).all()


@given(histories(undo=False), st.integers(1, 4))
def test_packs_add_up(steps: list[Step], parts: int) -> None:
    """Folding a pack in pieces is folding it whole."""
    table, whole = Table(PLAIN), Table(PLAIN)
    pack = weigh(whole, [(s.kind, s.event) for s in steps])
    receive(whole, [pack])
    table.advance(pack.clock)
    for at in range(parts):
        columns = (column[at::parts] for column in (pack.weights, pack.times, pack.codes))
        receive(table, local(packed(pack.targets[at::parts], pack.actors[at::parts], *columns), pack.clock))
    for name in table.users:
        mine, theirs = table.cells[table.slot(name)], whole.cells[whole.slot(name)]
        assert np.allclose(mine[3:], theirs[3:], rtol=1e-12)
