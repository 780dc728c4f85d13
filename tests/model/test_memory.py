"""What an actor remembers: entries round trip, limits a kind, an id that is found or not, undone entries, room for all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS
from streams.fold.chunks import MOST, SIZES, TOP
from streams.fold.rows import ENTRY, HEAD, PER_KIND
from streams.model.memory import Memory, id_key, target_key
from streams.model.versions import PLAIN
from tests.model.memories import Remembered, entries, memory_of
from tests.model.world import NOVEL, T0, World, event
from tests.strategies import ids

_acts = st.lists(
    st.tuples(st.integers(0, len(KINDS) - 1), ids, ids, st.integers(10**11 + 1, 2**42)),
    max_size=60,
    unique_by=lambda act: (act[0], act[1]),
)
Act = tuple[int, str, str, int]


def done(acts: list[Act]) -> World:
    """A world in which ann has done this: (kind, id, target, ts)."""
    world = World(PLAIN)
    world.fold(*[(KINDS[kind], event("ann", target, ts, name)) for kind, name, target, ts in acts])
    return world


def of_ann(world: World) -> list[Remembered]:
    """What ann remembers."""
    return entries(world.table.memory[world.table.slot("net:ann")])


def as_kept(act: Act) -> Remembered:
    """The entry of an act; doing something to oneself is remembered without a target."""
    kind, name, target, ts = act
    if target == "ann":
        return Remembered(0.0, ts, id_key(name, kind), kind, 0, b"")
    return Remembered(PLAIN.weights[kind], ts, id_key(name, kind), kind, target_key(target), target.encode())


@given(_acts | _acts.map(lambda acts: [(0, *act[1:]) for act in {act[1]: act for act in acts}.values()]))
def test_entries_come_back(acts: list[Act]) -> None:
    """Whatever is remembered is there whole, oldest first, and the oldest of a kind beyond the limit are gone."""
    expected = []
    for kind in range(len(KINDS)):
        expected += [act for act in acts if act[0] == kind][-PER_KIND:]
    expected.sort(key=acts.index)
    assert of_ann(done(acts)) == [as_kept(act) for act in expected]


@given(_acts.filter(bool), st.data())
def test_find_and_empty(acts: list[Act], data: st.DataObject) -> None:
    """Each entry is found by its id; undone, it keeps its id and kind, loses weight and target, and moves no other."""
    world = done(acts)
    before = of_ann(world)
    chosen = data.draw(st.sampled_from([act for act in acts if as_kept(act) in before]))
    kind, name, _, ts = chosen
    full = sum(e.kind == kind for e in before) == PER_KIND
    world.undo(KINDS[kind], "ann", name, T0, "the undo")
    wanted = [e if e != as_kept(chosen) else Remembered(0.0, ts, e.id_key, kind, 0, b"") for e in before]
    if full:
        wanted.remove(next(e for e in wanted if e.kind == kind))
    wanted.append(Remembered(0.0, T0, id_key("the undo", kind), kind, 0, b""))
    assert of_ann(world) == wanted
    world.did(KINDS[kind], "ann", "eve", T0, name)  # its id is still known, unless the undo has pushed it out
    assert world.table.counts.repeats == (id_key(name, kind) in [e.id_key for e in wanted])


def test_nothing_is_remembered_of_who_did_nothing() -> None:
    """A target has no memory, nor has who is not there."""
    world = World()
    world.did("like", "ann", "bob")
    assert entries(world.table.memory[world.table.slot("net:bob")]) == entries(b"") == []


def test_ids_are_of_a_kind() -> None:
    """The same id under another kind has another key."""
    assert len({id_key("1", kind) for kind in range(len(KINDS))}) == len(KINDS)


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
    """A hundred likes make nobody forget a follow: what is forgotten does not depend on how topics interleave."""
    world = World(NOVEL)
    world.did("follow", "ann", "bob", event_id="f")
    for n in range(100):
        world.did("like", "ann", f"t{n}")
    world.undo("follow", "ann", "f")
    assert world.table.counts.undone == 1
    assert len(of_ann(world)) == PER_KIND + 2


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
    assert size <= len(KINDS) * (1 + PER_KIND * (ENTRY + 30))
    assert size < 6_000


def test_the_largest_memory_fits() -> None:
    """Sixteen of every kind with the longest names: it is kept whole, in a chunk of the last size."""
    world = World()
    for kind in KINDS:
        world.fold(*[(kind, event("ann", f"{kind}{n}".ljust(240, "x"))) for n in range(PER_KIND + 4)])
    kept = world.table.memory[world.table.slot("net:ann")]
    assert len(kept) == HEAD + len(KINDS) * PER_KIND * (ENTRY + 240) <= MOST
    # names of more than 240 bytes take the long way through `parse`
    for kind in KINDS:
        world.fold(*[(kind, event("ann", f"{kind}{n}".ljust(256, "y"))) for n in range(PER_KIND)])
    slot = world.table.slot("net:ann")
    kept = world.table.memory[slot]
    assert len(kept) == HEAD + len(KINDS) * PER_KIND * (ENTRY + 256) <= MOST
    assert int(world.table.memory.arrays.sort[slot]) == len(SIZES) - 1
    assert {e.target[-1:] for e in entries(kept)} == {b"y"}


# -- chunks ------------------------------------------------------------------------------------------------------------

_memories = st.lists(
    st.builds(
        Remembered,
        st.floats(-8, 8, width=32),
        st.integers(0, 2**42),
        st.integers(0, 2**64 - 1),
        st.integers(0, len(KINDS) - 1),
        st.integers(0, 2**64 - 1),
        st.binary(max_size=256) | st.binary(min_size=200, max_size=256),
    ),
    max_size=40,
).map(lambda given: [e for n, e in enumerate(given) if sum(o.kind == e.kind for o in given[:n]) < PER_KIND])


@given(st.lists(st.tuples(st.integers(0, 9), _memories), max_size=25))
def test_chunks_do_not_touch_each_other(puts: list[tuple[int, list[Remembered]]]) -> None:
    """Memories of any size put in any order, over each other too: each slot has its latest one, whole; so have copies."""
    memory, latest = Memory(), [b""] * 10
    memory.room(10)
    for slot, remembered in puts:
        latest[slot] = memory[slot] = memory_of(remembered)
    assert [memory[slot] for slot in range(10)] == latest
    some = np.array([7, 0, 3, 3, 9])
    assert list(memory.copied(some).each()) == [latest[slot] for slot in some]
    places = sorted(
        (int(memory.arrays.at[s]), int(memory.arrays.at[s] + SIZES[memory.arrays.sort[s]]))
        for s in range(10)
        if latest[s]
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(places))
    assert not places or places[-1][1] <= memory.nbytes


def test_what_is_given_back_is_used_again() -> None:
    """Memories that grow and shrink for a long time need no more room than the first time."""
    memory = Memory()
    memory.room(8)
    kept = [memory_of([Remembered(1.0, 1, n, 0, n, b"x" * size) for n in range(4)]) for size in (1, 30, 90, 250)]
    used = []
    for _ in range(30):
        for one in [*kept, b""]:
            for slot in range(8):
                memory[slot] = one
        used.append(memory.nbytes)
    assert used[0] == used[-1]
    assert [memory[slot] for slot in range(8)] == [b""] * 8


def test_the_arena_grows_between_two_events() -> None:
    """Many actors in one block: the kernel stops when there is no room, room is made, and nobody loses anything."""
    world, people = World(), 2_700
    world.fold(*[("like", event(f"a{n}", f"{n}".ljust(240, "t"), event_id=f"e{n}")) for n in range(people)])
    assert int(world.table.memory.arrays.lists[TOP]) > 3 * MOST
    for n in range(0, people, 7):
        (kept,) = entries(world.table.memory[world.table.slot(f"net:a{n}")])
        assert kept == Remembered(
            1.0, T0, id_key(f"e{n}", 0), 0, target_key(f"{n}".ljust(240, "t")), f"{n}".ljust(240, "t").encode()
        )
