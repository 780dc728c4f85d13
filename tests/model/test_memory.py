"""What an actor remembers: entries round trip, limits a kind, searches that find entries and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS
from streams.model import memory
from streams.model.memory import PER_KIND, Remembered
from tests.model.world import NOVEL, World
from tests.strategies import ids

_floats32 = st.floats(0, 8, width=32)
_acts = st.lists(
    st.tuples(st.integers(0, len(KINDS) - 1), ids, ids, _floats32, st.integers(0, 2**42)),
    max_size=30,
    unique_by=lambda act: (act[0], act[1]),
)


def kept(acts: list[tuple[int, str, str, float, int]]) -> bytes:
    """A memory of (kind, id, target, weight, ts)."""
    found = b""
    for kind, name, target, weight, ts in acts:
        text = target.encode()
        new = memory.entry(weight, ts, memory.id_key(name, kind), kind, memory.target_key(text), text)
        found = memory.remember(found, kind, new)
    return found


def plain(found: Remembered) -> tuple[bytes, int, bytes, float, int]:
    """An entry without its place."""
    return found.id_key, found.kind, found.target, found.weight, found.ts


@given(_acts)
def test_entries_come_back(acts: list[tuple[int, str, str, float, int]]) -> None:
    """Whatever is remembered is there whole, oldest first, and the oldest of a kind beyond the limit are gone."""
    expected = []
    for kind in range(len(KINDS)):
        expected += [act for act in acts if act[0] == kind][-PER_KIND:]
    expected.sort(key=acts.index)
    assert [plain(found) for found in memory.entries(kept(acts))] == [
        (memory.id_key(name, kind), kind, target.encode(), weight, ts) for kind, name, target, weight, ts in expected
    ]


@given(_acts.filter(bool), st.data())
def test_find_and_empty(acts: list[tuple[int, str, str, float, int]], data: st.DataObject) -> None:
    """Each entry is found by its id; emptied, it keeps its id and kind, loses weight and target, and moves no other."""
    whole = kept(acts)
    chosen = data.draw(st.sampled_from(memory.entries(whole)))
    found = memory.find(whole, chosen.id_key)
    assert found == chosen
    emptied = memory.undone(whole, found)
    again = memory.find(emptied, chosen.id_key)
    assert again is not None
    assert plain(again) == (chosen.id_key, chosen.kind, b"", 0.0, chosen.ts)
    others = [plain(e) for e in memory.entries(whole) if e != chosen]
    assert [plain(e) for e in memory.entries(emptied) if e.id_key != chosen.id_key] == others


def test_nothing_is_found_in_nothing() -> None:
    """An empty memory has no entries, and knows no id."""
    assert memory.entries(b"") == []
    assert memory.find(b"", memory.id_key("1", 0)) is None


def test_ids_are_of_a_kind() -> None:
    """The same id under another kind has another key."""
    assert len({memory.id_key("1", kind) for kind in range(len(KINDS))}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_limit_of_a_kind(kind: str) -> None:
    """The latest `PER_KIND` ids of a topic are known as repeats, the one before them is not."""
    world = World()
    for n in range(PER_KIND + 1):
        world.did(kind, "ann", f"t{n}", event_id=str(n))
    for n in range(1, PER_KIND + 1):
        assert world.did(kind, "ann", f"t{n}", event_id=str(n)) == 0.0
    assert world.table.counts.repeats == PER_KIND
    assert world.did(kind, "ann", "t0", event_id="0") > 0


def test_kinds_do_not_push_each_other_out() -> None:
    """A thousand likes make nobody forget a follow: what is forgotten does not depend on how topics interleave."""
    world = World(NOVEL)
    world.did("follow", "ann", "bob", event_id="f")
    for n in range(100):
        world.did("like", "ann", f"t{n}")
    world.undo("follow", "ann", "f")
    assert world.table.counts.undone == 1
    assert len(memory.entries(world.table.memory[world.table.slot("net:ann")])) == PER_KIND + 2


def test_novelty_returns_when_forgotten() -> None:
    """After `PER_KIND` other likes, a like of the first target is new again."""
    world = World(NOVEL)
    world.did("like", "ann", "bob")
    assert world.did("like", "ann", "bob") == pytest.approx(0.625)
    for n in range(PER_KIND):
        world.did("like", "ann", f"t{n}")
    assert world.did("like", "ann", "bob") == 1.0


def test_memory_is_bounded() -> None:
    """With ids of 30 bytes, however much somebody does, 16 entries a kind: below 6 KB."""
    world = World()
    for n in range(40):
        for kind in KINDS:
            world.did(kind, "ann", f"did:plc:abcdefghijklmnopqrst{n:02}")
    size = len(world.table.memory[world.table.slot("net:ann")])
    assert size <= len(KINDS) * (1 + PER_KIND * (memory.SIZE + 30))
    assert size < 6_000
