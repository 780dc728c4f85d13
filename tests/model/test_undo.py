"""Undo: what the engagement still weighs is taken back, once, from everyone it had touched."""

from __future__ import annotations

from typing import Any

import pytest

from streams.events import KINDS
from streams.fold.rows import PER_KIND
from streams.model.versions import DAY_MS, DEFAULT, PLAIN, Model
from tests.model.world import T0, World, event

MODELS = pytest.mark.parametrize("which", [PLAIN, DEFAULT])


def same(one: dict[str, Any], other: dict[str, Any], *but: str) -> None:
    """All fields alike, floats to 1e-9, leaving out those named."""
    for name, value in one.items():
        if name in but:
            continue
        if name == "parts":
            for part in ("kinds", "networks"):
                for key in value[part].keys() | other[name][part].keys():
                    assert value[part].get(key, 0.0) == pytest.approx(other[name][part].get(key, 0.0), abs=1e-9)
            assert value["reach"] == pytest.approx(other[name]["reach"], abs=1e-9)
            assert value["participation"] == pytest.approx(other[name]["participation"], abs=1e-9)
        else:
            assert value == pytest.approx(other[name], abs=1e-9), name


@MODELS
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after_ms", [0, 1, DAY_MS, 30 * DAY_MS])
def test_undo_restores_the_score(which: Model, kind: str, after_ms: int) -> None:
    """By ref alone, at any later time: the target's record is what it was without the event; so is the actor's score.

    Who was there is not taken back, and a close stays what it was.

    The actor's exact number of actions keeps what was done, and the newest event time stays.
    What has come since the last close knows of both.
    """
    with_it, without = World(which), World(which)
    for world in (with_it, without):
        world.did("share", "cat", "bob", T0 - DAY_MS)
        world.did("like", "ann", "dan", T0 - DAY_MS)
        if world is with_it:
            assert world.did(kind, "ann", "bob", T0, "it") > 0
            assert world.undo(kind, "ann", "it", T0 + after_ms) < 0
    now_ms = T0 + after_ms
    same(
        with_it.record("bob", now_ms),
        without.record("bob", now_ms),
        "event_ts",
        "actors",
        "confidence",
        "delta",
        "since",
    )
    assert (with_it.record("bob")["actors"], without.record("bob")["actors"]) == (2, 1)
    same(with_it.record("ann", now_ms), without.record("ann", now_ms), "event_ts", "actions", "delta", "since")
    assert with_it.record("ann")["actions"] == 2
    assert (with_it.table.counts.undone, with_it.table.counts.undo_unknown) == (1, 0)


def test_undo_takes_what_is_left_not_what_it_was() -> None:
    """Ten likes, the first a week old; it is undone: week 9 + 1/2 - 1/2 = 9."""
    world = World()
    world.did("like", "ann", "bob", T0 - 7 * DAY_MS, "old")
    for n in range(9):
        world.did("like", f"a{n}", "bob")
    world.undo("like", "ann", "old")
    assert world.record("bob")["windows"] == pytest.approx({"day": 9.0, "week": 9.0, "quarter": 9.0}, abs=1e-9)
    assert world.record("bob")["engagements"] == 9


def test_undo_of_the_only_engagement_leaves_nothing() -> None:
    """No dust that a curve steep at zero would show: the floor, no parts. Who it was is still known."""
    world = World(DEFAULT)
    world.did("retweet", "ann", "bob", T0, "it")
    world.undo("retweet", "ann", "it", T0 + 90 * DAY_MS)
    record = world.record("bob", T0 + 90 * DAY_MS)
    assert (record["score"], record["engagements"], record["actors"]) == (1.0, 0, 1)
    assert record["parts"]["kinds"] == {}


def test_undo_of_a_follow_takes_the_follower() -> None:
    """And the weight; the reach term goes with it."""
    world = World()
    world.did("follow", "ann", "bob", event_id="f")
    world.did("like", "cat", "bob")
    assert world.record("bob")["followers"] == 1
    world.undo("follow", "ann", "f")
    record = world.record("bob")
    assert (record["followers"], record["parts"]["reach"], record["windows"]["day"]) == (0, 0.0, 1.0)


def test_second_follow_stands_when_the_first_is_undone() -> None:
    """Followed twice, undone once: still one follower; undone twice: none. It was one person all the time."""
    world = World()
    world.did("follow", "ann", "bob", event_id="1")
    world.did("follow", "ann", "bob", event_id="2")
    world.undo("follow", "ann", "1")
    assert (world.record("bob")["followers"], world.record("bob")["actors"]) == (1, 1)
    world.undo("follow", "ann", "2")
    assert (world.record("bob")["followers"], world.record("bob")["actors"]) == (0, 1)


def test_an_undo_does_not_lower_how_many_people_there_were() -> None:
    """Distinct people *ever*: what they did may be taken back, that they were there may not. Nobody counts twice."""
    world = World()
    world.did("like", "ann", "bob", event_id="l")
    world.did("like", "cat", "bob")
    world.undo("like", "ann", "l")
    assert (world.record("bob")["engagements"], world.record("bob")["actors"]) == (1, 2)
    world.did("share", "ann", "bob")
    assert (world.record("bob")["engagements"], world.record("bob")["actors"]) == (2, 2)


def test_unfollow_and_follow_again() -> None:
    """Is one follower again, as new as the first time under novelty."""
    world = World(DEFAULT)
    first = world.did("follow", "ann", "bob", event_id="1")
    world.undo("follow", "ann", "1")
    assert world.did("follow", "ann", "bob", event_id="2") == pytest.approx(first, rel=1e-6)
    assert (world.record("bob")["followers"], world.record("bob")["actors"]) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "actor", "ref"),
    [("like", "ann", "nothing"), ("share", "ann", "it"), ("like", "cat", "it"), ("like", "ann", "bob")],
)
def test_undo_of_something_unknown_changes_nothing(kind: str, actor: str, ref: str) -> None:
    """A ref nobody knows, of another topic, of another actor: counted, folded, without effect."""
    world = World(DEFAULT)
    world.did("like", "ann", "bob", event_id="it")
    before = world.record("bob"), world.record("ann")
    assert world.undo(kind, actor, ref) == 0.0
    assert (world.record("bob"), world.record("ann")) == before
    assert (world.table.counts.undo_unknown, world.table.counts.undone, world.table.counts.folded) == (1, 0, 2)


def test_undone_twice_is_undone_once() -> None:
    """Another undo of the same ref is one of something unknown."""
    world = World()
    world.did("like", "cat", "bob")
    world.did("like", "ann", "bob", event_id="it")
    world.undo("like", "ann", "it", event_id="u1")
    before = world.record("bob")
    world.undo("like", "ann", "it", event_id="u2")
    assert world.record("bob") == before
    assert (world.table.counts.undone, world.table.counts.undo_unknown) == (1, 1)


def test_repeated_undo_is_a_repeat() -> None:
    """The undo itself delivered twice is dropped as any repeat."""
    world = World()
    world.did("like", "ann", "bob", event_id="it")
    world.undo("like", "ann", "it", event_id="u")
    world.undo("like", "ann", "it", event_id="u")
    assert (world.table.counts.repeats, world.table.counts.undone, world.table.counts.undo_unknown) == (1, 1, 0)


def test_original_that_comes_again_after_its_undo_is_a_repeat() -> None:
    """An undone event's id is still known: redelivery does not bring it back."""
    world = World()
    world.did("like", "ann", "bob", event_id="it")
    world.undo("like", "ann", "it")
    assert world.did("like", "ann", "bob", event_id="it") == 0.0
    assert (world.record("bob")["engagements"], world.table.counts.repeats) == (0, 1)


def test_undo_believes_its_ref_not_its_target() -> None:
    """A target in the undo is not looked at: what is taken back is what was done."""
    world = World()
    world.did("like", "ann", "bob", event_id="it")
    world.did("like", "cat", "eve")
    world.did("like", "ann", "eve", undo=True, ref="it")
    assert (world.record("bob")["engagements"], world.record("eve")["engagements"]) == (0, 1)


def test_undo_in_the_block_of_its_event() -> None:
    """Both in one block: nothing remains but the action done."""
    world = World(DEFAULT)
    world.fold(("like", event("ann", "bob", T0, "it")), ("like", event("ann", ts=T0, undo=True, ref="it")))
    assert world.record("bob")["score"] == 1.0
    assert (world.record("ann")["actions"], world.record("ann")["acted"]) == (1, 0.0)


def test_undo_of_what_is_forgotten_is_unknown() -> None:
    """Only the latest of a kind are remembered; an older one can no longer be taken back."""
    world = World()
    for n in range(PER_KIND + 1):
        world.did("like", "ann", f"t{n}", event_id=f"l{n}")
    world.undo("like", "ann", "l0")
    assert world.table.counts.undo_unknown == 1
    world.undo("like", "ann", f"l{PER_KIND}")
    assert world.table.counts.undone == 1


def test_undo_restores_attention() -> None:
    """A like undone no longer divides the actor's attention: the next counts in full again."""
    world = World(DEFAULT)
    world.did("like", "ann", "bob", event_id="it")
    world.undo("like", "ann", "it")
    assert world.did("like", "ann", "cat") == pytest.approx(0.804, rel=1e-6)


def test_undo_after_the_landmarks_moved() -> None:
    """Years later, when sums have been divided: the late undo leaves the rest exact."""
    world = World()
    world.did("share", "ann", "bob", T0, "it")
    world.did("share", "cat", "bob", T0)
    world.did("like", "dan", "eve", T0 + 3 * 365 * DAY_MS)
    world.undo("share", "ann", "it", T0 + 3 * 365 * DAY_MS)
    only = World()
    only.did("share", "cat", "bob", T0)
    now_ms = T0 + 3 * 365 * DAY_MS
    for window, mass in only.record("bob", now_ms)["windows"].items():
        assert world.record("bob", now_ms)["windows"][window] == pytest.approx(mass, rel=1e-9, abs=1e-300)
