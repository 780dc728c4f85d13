"""What one engagement weighs: kind x selectivity x standing x novelty, each rule alone, then together."""

from __future__ import annotations

import pytest

from streams.events import KINDS
from streams.fold.rows import ACTED, ACTIONS
from streams.model.versions import DAY_MS, DEFAULT
from tests.model.world import NOVEL, SELECTIVE, STANDING, T0, World, event, weigh


@pytest.mark.parametrize(
    ("kind", "weight"), [("like", 1), ("follow", 2), ("mention", 2), ("reply", 3), ("share", 4), ("retweet", 4)]
)
def test_kind_weighs_what_is_published(kind: str, weight: float) -> None:
    """Under `plain` an engagement weighs exactly its kind's weight, in all three windows."""
    world = World()
    assert world.did(kind, "ann", "bob") == weight
    assert world.record("bob")["windows"] == pytest.approx(
        {"day": weight, "week": weight, "quarter": weight}, rel=1e-12
    )


def test_attention_divides_among_actions() -> None:
    """Selectivity is 1 / (1 + a), a the actions before: 1/1, 1/2, 1/3, 1/4 of a like (weight 1) at one moment."""
    world = World(SELECTIVE)
    assert [world.did("like", "ann", f"t{n}") for n in range(4)] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4], rel=1e-6)


def test_attention_divides_within_a_block() -> None:
    """Selectivity sees the actions earlier in the same block, of every kind: 1/1, then share 4/2, then like 1/3."""
    world = World(SELECTIVE)
    pack = world.fold(("like", event("ann", "b")), ("share", event("ann", "c")), ("like", event("ann", "d")))
    assert pack.weights.tolist() == pytest.approx([1, 4 / 2, 1 / 3], rel=1e-6)


def test_attention_recovers_with_half_life_of_a_week() -> None:
    """One action a week ago is a = 0.5: a like weighs 1 / 1.5; two weeks on, 1 / 1.375."""
    world = World(SELECTIVE)
    world.did("like", "ann", "bob", T0)
    assert world.did("like", "ann", "cat", T0 + 7 * DAY_MS) == pytest.approx(1 / 1.5, rel=1e-6)
    # a two weeks later: (0.5 + 1) / 4 = 0.375
    assert world.did("like", "ann", "dan", T0 + 21 * DAY_MS) == pytest.approx(1 / 1.375, rel=1e-6)


def test_selectivity_ignores_other_actors() -> None:
    """What others did does not divide my attention."""
    world = World(SELECTIVE)
    for n in range(5):
        world.did("like", f"other{n}", "bob")
    assert world.did("like", "ann", "bob") == 1


def test_newcomer_stands_at_the_floor() -> None:
    """Nobody's score is below 1: a newcomer's like weighs 0.8 + 0.4 * 1 / 100 = 0.804."""
    assert World(STANDING).did("like", "ann", "bob") == pytest.approx(0.804, rel=1e-6)


def test_standing_grows_with_the_actors_score() -> None:
    """Bob got one like of 0.804 just now: mass 0.804 * (0.5 + 0.5 + 1) = 1.608.

    (1.608 / 6.4)^0.375 = exp(0.375 * -1.381307) = 0.595717; score = 100 * 0.595717 / 1.595717 = 37.3322;
    standing = 0.8 + 0.4 * 0.373322 = 0.949329.
    """
    world = World(STANDING)
    world.did("like", "ann", "bob")
    assert world.did("like", "bob", "cat") == pytest.approx(0.949329, abs=1e-5)


def test_standing_is_the_score_before_the_block() -> None:
    """What an actor receives in the same block does not yet raise what it gives there."""
    world = World(STANDING)
    pack = world.fold(("share", event("ann", "bob")), ("like", event("bob", "cat")))
    assert pack.weights.tolist() == pytest.approx([4 * 0.804, 0.804], rel=1e-6)


def test_standing_is_read_at_the_events_time() -> None:
    """An actor that was idle for ten years is back at the floor: 0.804 (its old mass has halved 58 times)."""
    world = World(STANDING)
    world.did("share", "ann", "bob")
    assert world.did("like", "bob", "cat", T0 + 3650 * DAY_MS) == pytest.approx(0.804, abs=1e-6)


def test_novelty_halves_towards_a_quarter() -> None:
    """0.25 + 0.75 * 0.5^n: 1, 0.625, 0.4375, 0.34375, 0.296875 of a like."""
    world = World(NOVEL)
    weights = [world.did("like", "ann", "bob") for _ in range(5)]
    assert weights == pytest.approx([1, 0.625, 0.4375, 0.34375, 0.296875], rel=1e-6)


def test_novelty_counts_across_kinds() -> None:
    """A share after a like, a follow and a reply to the same person: 4 * (0.25 + 0.75 / 8) = 4 * 0.34375 = 1.375."""
    world = World(NOVEL)
    for kind in ("like", "follow", "reply"):
        world.did(kind, "ann", "bob")
    assert world.did("share", "ann", "bob") == pytest.approx(1.375, rel=1e-6)


@pytest.mark.parametrize("other", ["bo", "bobb", "obb", "Bob", "b" * 256, "bob/1"])
def test_novelty_tells_similar_names_apart(other: str) -> None:
    """A name that contains, begins or ends like another is another target: full weight."""
    world = World(NOVEL)
    world.did("like", "ann", "bob")
    assert world.did("like", "ann", other) == 1


def test_novelty_is_of_the_pair() -> None:
    """Hundred people count more than one person hundred times: another actor's first like is new."""
    world = World(NOVEL)
    for _ in range(3):
        world.did("like", "ann", "bob")
    assert world.did("like", "cat", "bob") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_self_engagement_is_an_action_and_weighs_nothing(kind: str) -> None:
    """It moves no window, no count of engagements and no follower, and is counted and folded; the actor acted once."""
    world = World()
    world.did(kind, "ann", "ann")
    record = world.record("ann")
    assert (record["engagements"], record["actors"], record["followers"]) == (0, 0, 0)
    assert set(record["windows"].values()) == {0.0}
    assert (record["actions"], record["acted"]) == (1, 1.0)
    assert (world.table.counts.self_engagements, world.table.counts.folded) == (1, 1)


def test_self_engagement_divides_attention() -> None:
    """A self-engagement is an action: the like after it weighs 1 / 2."""
    world = World(SELECTIVE)
    world.did("like", "ann", "ann")
    assert world.did("like", "ann", "bob") == 0.5


def test_default_model_multiplies_all_four() -> None:
    """Ann's second share with bob, both at T0: 4 * 1/2 * 0.80x * 0.625.

    Her standing then: 1 action gives participation 0.04 * 1 / 11 = 0.0036364; (0.0036364 / 6.4)^0.375 =
    exp(0.375 * -7.473069) = 0.060664; score 5.7195; standing 0.8 + 0.4 * 0.057195 = 0.822878.
    4 * 0.5 * 0.822878 * 0.625 = 1.028597.
    """
    world = World(DEFAULT)
    assert world.did("share", "ann", "bob") == pytest.approx(4 * 0.804, rel=1e-6)
    assert world.did("share", "ann", "bob") == pytest.approx(1.028597, rel=1e-5)


def test_plain_model_holds_the_other_three_at_one() -> None:
    """Whoever acts, however often and with whomever: under `plain` only the kind counts."""
    world = World()
    world.did("share", "cat", "ann")
    assert [world.did("reply", "ann", "bob") for _ in range(4)] == [3, 3, 3, 3]


def test_repeat_changes_nothing() -> None:
    """An event delivered again, in the same block or later, is dropped and counted, whatever else it says."""
    world = World(DEFAULT)
    once = event("ann", "bob", T0, "same")
    world.fold(("like", once), ("like", once))
    before = world.record("bob"), world.record("ann")
    world.fold(("like", event("ann", "eve", T0 - 5, "same")))
    assert (world.record("bob"), world.record("ann")) == before
    assert "net:eve" not in world.table.users
    assert (world.table.counts.repeats, world.table.counts.folded) == (2, 1)


def test_ids_are_unique_per_topic_and_actor() -> None:
    """The same id in another topic, or of another actor, is another event."""
    world = World()
    world.did("like", "ann", "bob", event_id="1")
    world.did("share", "ann", "bob", event_id="1")
    world.did("like", "cat", "bob", event_id="1")
    assert world.record("bob")["engagements"] == 3
    assert world.table.counts.repeats == 0


def test_late_event_counts_among_the_actors_actions() -> None:
    """An action a week before the actor's newest one adds 2^-1 to the decayed actions and 1 to the exact ones."""
    world = World()
    world.did("like", "ann", "bob", T0)
    world.did("like", "ann", "cat", T0 - 7 * DAY_MS)
    assert world.record("ann")["acted"] == pytest.approx(1.5)
    assert world.cell("ann", ACTIONS) == 2
    assert world.record("ann")["event_ts"] == T0


def test_late_event_finds_the_attention_of_the_newest_action() -> None:
    """One action now, then a like of eight weeks ago: a is 1, as it stood at the newest action, not 2^8 decayed backwards."""
    world = World(SELECTIVE)
    world.did("like", "ann", "bob", T0)
    assert world.did("like", "ann", "cat", T0 - 56 * DAY_MS) == pytest.approx(1 / 2, rel=1e-6)
    # and what is late weighs on what follows only by its age: a = 1 + 2^-8
    assert world.did("like", "ann", "dan", T0) == pytest.approx(1 / (2 + 2**-8), rel=1e-6)


def test_nothing_is_folded_from_an_empty_block() -> None:
    """A block in which everything was rejected leaves the table as it was."""
    world = World()
    assert len(weigh(world.table, []).targets) == 0
    assert (len(world.table), world.table.clock) == (0, 0)


def test_newest_event_is_each_actors_own() -> None:
    """The time of the newest event in a row is that of the row's own actions or engagements."""
    world = World()
    world.fold(
        ("like", event("ann", "bob", T0)), ("like", event("cat", "dan", T0 + 5)), ("like", event("ann", "eve", T0 + 2))
    )
    assert [world.record(user)["event_ts"] for user in ("ann", "bob", "cat", "dan", "eve")] == [
        T0 + 2, T0, T0 + 5, T0 + 5, T0 + 2,
    ]  # fmt: skip


@pytest.mark.parametrize("late_ms", [0, 60 * 7 * DAY_MS])
def test_negative_dust_does_not_amplify(late_ms: int) -> None:
    """Decayed actions a hair below zero, left by an undo, count as none: full weight.

    Sixty half-lives back an action grows to 2^-60 = 8.7e-19, less than the dust: a quotient would be negative.
    """
    world = World(SELECTIVE)
    world.did("like", "ann", "bob")
    world.table.cells[world.table.slot("net:ann"), ACTED] = -1e-17
    assert world.did("like", "ann", "cat", T0 - late_ms) == 1
