"""What an actor remembers: entries round trip, limits a kind, an id that is found or not, undone entries, room for all."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS
from streams.fold.chunks import MOST, SIZES, TOP, UNIT
from streams.fold.hashing import name_key
from streams.fold.rows import ENTRY, HEAD, MOST_KEYS, PER_KIND
from streams.fold.words import padded
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


#: what some events are about, and what counts of it: the object, then topics
ABOUT: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    ({"object": "post/1"}, ("post/1",)),
    ({"topics": ["Jazz", "#jazz", "blues"]}, ("", "jazz", "blues")),
    ({"object": "post/2", "topics": [f"t{n}" for n in range(9)]}, ("post/2", "t0", "t1", "t2", "t3", "t4")),
]


def keys(texts: tuple[str, ...]) -> tuple[int, ...]:
    """32 bits of the hash of each, never 0; 0: there is no object."""
    named = [(padded(text.encode()), len(text.encode())) for text in texts]
    return tuple(max(int(name_key(a, 0, n, np.uint64(0))) & 0xFFFFFFFF, 1) if n else 0 for a, n in named)


def done(acts: list[Act]) -> World:
    """A world in which ann has done this: (kind, id, target, ts). By the time it is known what it is about."""
    world = World(PLAIN)
    world.fold(*[(KINDS[kind], event("ann", target, ts, name, **ABOUT[ts % 4][0])) for kind, name, target, ts in acts])
    return world


def of_ann(world: World) -> list[Remembered]:
    """What ann remembers."""
    return entries(world.table.memory[world.table.slot("net:ann")])


def as_kept(act: Act) -> Remembered:
    """The entry of an act; doing something to oneself is remembered without a target."""
    kind, name, target, ts = act
    if target == "ann":
        return Remembered(0.0, ts, id_key(name, kind), kind, 0, b"")
    about = keys(ABOUT[ts % 4][1])
    return Remembered(PLAIN.weights[kind], ts, id_key(name, kind), kind, target_key(target), target.encode(), about)


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
    """Each entry is found by its id; undone, it keeps its id and kind, loses weight, target and keys, and moves no other."""
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


@pytest.mark.parametrize(
    ("before", "last", "known"),
    [
        ([("like", "bob")], ("like", "x"), False),
        ([("like", "bob"), ("like", "bob")], ("like", "x"), True),
        ([("follow", "bob"), ("like", "bob")], ("like", "x"), True),  # by an entry of another kind, an older one
        ([("like", "bob"), ("follow", "bob")], ("like", "x"), True),
        ([("like", "bob")], ("like", "bob"), True),  # by what comes
        ([("follow", "ann"), ("like", "bob")], ("like", "x"), False),  # what is for nobody is not for bob
        ([("like", "bob"), ("like", "bob")], "undo", False),  # the other is taken back at that very moment
        ([("like", "bob"), ("like", "bob"), ("like", "bob")], "undo", True),
    ],
)
def test_what_is_known_of_whom_it_forgets(
    before: list[tuple[str, str]], last: tuple[str, str] | str, known: bool
) -> None:
    """A like of bob is forgotten beside heavier ones: it is noted, with an error, if the memory has more of him."""
    world = World(PLAIN)
    for n in range(2 * PER_KIND):
        world.did("share", "ann", f"s{n}")  # the first half is forgotten, which fills the list
    for n, (kind, target) in enumerate(before):
        world.did(kind, "ann", target, event_id=f"b{n}")
    for n in range(PER_KIND - sum(kind == "like" for kind, _ in before)):
        world.did("like", "ann", f"x{n}")
    if last == "undo":
        world.undo("like", "ann", "b1")
    else:
        world.did(last[0], "ann", last[1])
    forgotten = world.table.tops.lists(world.table.slot("net:ann"), T0, PLAIN.half_lives_ms[2])[3]
    assert len(forgotten) == 16
    found = {one.name: (one.weight, one.error) for one in forgotten}
    assert found.get("bob") == (pytest.approx((5.0, 4.0)) if known else None)


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
    about = ABOUT[3][0]
    for kind in KINDS:
        world.fold(*[(kind, event("ann", f"{kind}{n}".ljust(256, "y"), **about)) for n in range(PER_KIND)])
    slot = world.table.slot("net:ann")
    kept = world.table.memory[slot]
    assert len(kept) == HEAD + len(KINDS) * PER_KIND * (ENTRY + 256 + 4 * MOST_KEYS) <= MOST
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
        st.just(()) | st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=6).map(tuple),
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
        (int(memory.arrays.at[s]) * UNIT, int(memory.arrays.at[s]) * UNIT + int(SIZES[memory.arrays.sort[s]]))
        for s in range(10)
        if latest[s]
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(places))
    assert not places or places[-1][1] <= memory.nbytes


def test_what_is_given_back_is_used_again() -> None:
    """Memories that grow and shrink for a long time need no more room than the first time."""
    memory = Memory()
    memory.room(8)
    sizes = ((1, 0), (30, 2), (90, 6), (250, 6))
    kept = [memory_of([Remembered(1.0, 1, n, 0, n, b"x" * n_, (7,) * k) for n in range(4)]) for n_, k in sizes]
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
