"""In a catch-up no topic runs ahead of another: neither of one that is still on its way, nor within one fold."""

from __future__ import annotations

from typing import Any

import pytest

from streams.formats.engagements import local
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partition.block import Block
from streams.partition.intake import Intake
from streams.partition.turns import AHEAD_MS, MISSING_S, Turns
from streams.topics import SOURCES
from tests.partition.blocks import NEWEST_MS, T0, block, value

S = 1_000


class Broker:
    """Says which topics have more, and what time it is."""

    def __init__(self, *has_more: str) -> None:
        self.has_more, self.now_s = set(has_more), 0.0
        self.intake = Intake(Table(PLAIN), 0, 1, Turns("", lambda name: name in self.has_more, lambda: self.now_s))
        self.intake.positions = {topic.name: 0 for topic in SOURCES}
        self._at: dict[str, int] = {}

    def brings(self, topic: str, *times_ms: int) -> None:
        """A block with events of these times since T0."""
        before = self._at.get(topic, 0)
        made = block(
            topic,
            *[value("ann", f"{topic}{ms}", T0 + ms, f"{before}-{n}") for n, ms in enumerate(times_ms)],
            before=before,
        )
        self._at[topic] = made.after
        self.intake.turns.offer(made)

    def handed_out(self) -> list[tuple[str, int]]:
        """Topic and number of events of what may be folded now."""
        return [(found.topic, len(found.records)) for found in iter(self.intake.turns.next, None)]


def test_what_is_at_hand_is_counted() -> None:
    """Offered, split and handed out: the count is always that of the records which wait."""
    one = Broker()
    one.brings("likes", 0, 50 * S, 200 * S)
    one.brings("shares", 10 * S, 100 * S)
    left = []
    for found in iter(one.intake.turns.next, None):
        left.append(one.intake.turns.at_hand())
        assert left[-1] == sum(len(b.records) for queue in one.intake.turns.waiting.values() for b in queue)
        assert found.records
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


# -- records on their way ----------------------------------------------------------------------------------------------


def test_a_topic_on_its_way_holds_the_others_back() -> None:
    """To a minute beyond what was read of it, not beyond what the others have."""
    one = Broker("shares")
    one.brings("shares", 5 * S)
    assert one.handed_out() == [("shares", 1)]
    one.brings("likes", 0, 5 * S + AHEAD_MS, 5 * S + AHEAD_MS + 1, 900 * S)
    one.brings("follows", 5 * S + AHEAD_MS + 1)
    assert one.handed_out() == [("likes", 2)]
    one.brings("shares", 10 * S + 1)
    assert one.handed_out() == [("shares", 1), ("likes", 1), ("follows", 1)]
    one.has_more.clear()
    assert one.handed_out() == [("likes", 1)]


def test_a_topic_of_which_nothing_was_read_yet() -> None:
    """After a take-over nothing is known of it: everything waits for its first block."""
    one = Broker("shares")
    one.brings("likes", 0)
    assert one.handed_out() == []
    one.brings("shares", 2 * S)
    assert one.handed_out() == [("likes", 1), ("shares", 1)]


def test_the_slowest_of_several_counts() -> None:
    """Two are on their way: the one that is further behind holds the others back."""
    one = Broker()
    one.brings("shares", 50 * S)
    one.brings("follows", 0)
    assert len(one.handed_out()) == 2
    one.has_more = {"shares", "follows"}
    one.brings("likes", AHEAD_MS, AHEAD_MS + 1)
    assert one.handed_out() == [("likes", 1)]


@pytest.mark.parametrize("name", ["engagements", "strays"])
def test_only_topics_of_events_are_waited_for(name: str) -> None:
    """What other partitions send on has the times of events read there long before."""
    one = Broker(name)
    one.brings("likes", 0, 900 * S)
    assert one.handed_out() == [("likes", 2)]


def test_engagements_wait_for_nobody() -> None:
    """They are weighed already, so their order does not matter."""
    one = Broker("shares")
    one.intake.turns.offer(Block("engagements", 0, 0, 1, 1, []))
    assert one.handed_out() == [("engagements", 0)]


def test_for_a_while_only() -> None:
    """A topic that the client does not deliver stops the others for MISSING_S, counted from when it was first missed."""
    one = Broker("shares")
    one.now_s = 100.0
    one.brings("likes", 0, 900 * S)
    assert one.handed_out() == []
    one.now_s += MISSING_S - 0.1
    assert one.handed_out() == []
    one.now_s += 0.1
    assert one.handed_out() == [("likes", 2)]
    one.now_s += 60.0
    one.brings("likes", 1_000 * S)
    assert one.handed_out() == [("likes", 1)]


def test_patience_is_whole_again_for_one_that_came() -> None:
    """Once it has delivered, or has nothing more, it is waited for anew."""
    one = Broker("shares")
    for _ in range(2):
        one.brings("likes", 900 * S)
        assert one.handed_out() == []
        one.now_s += MISSING_S
        assert one.handed_out() == [("likes", 1)]
        one.brings("shares", 0)
        assert one.handed_out() == [("shares", 1)]
    one.has_more.clear()
    one.brings("likes", 901 * S)
    assert one.handed_out() == [("likes", 1)]
    one.has_more.add("shares")
    one.brings("likes", 902 * S)
    assert one.handed_out() == []


def test_a_block_without_a_time_does_not_take_its_topic_back() -> None:
    """Garbage says nothing of how far a topic was read: the others need not wait for it from the beginning of time."""
    one = Broker("shares")
    one.brings("shares", 50 * S)
    one.intake.turns.offer(block("shares", b"{", before=1))
    assert one.handed_out() == [("shares", 1), ("shares", 1)]
    one.brings("likes", 60 * S)
    assert one.handed_out() == [("likes", 1)]


# -- in one fold -------------------------------------------------------------------------------------------------------


def folded(*blocks: tuple[str, list[int]]) -> list[str]:
    """The targets (topic and ms since T0) in the order in which one fold weighs their events."""
    one = Broker()
    made: list[Any] = []
    for topic, times_ms in blocks:
        one.brings(topic, *times_ms)
        made.append(one.intake.turns.waiting[topic].pop())
    one.intake.fold_all(made, NEWEST_MS)
    (pack,) = local(one.intake.cut().packs[0], T0)
    return [target.removeprefix("net:") for target in pack.targets]


def test_events_of_several_topics_are_folded_by_time() -> None:
    """However their blocks were gathered; at the same time the block that came first is first."""
    assert folded(("likes", [1, 4, 7]), ("shares", [2, 3, 4, 9])) == [
        "likes1", "shares2", "shares3", "likes4", "shares4", "likes7", "shares9"
    ]  # fmt: skip


def test_each_topic_keeps_its_own_order() -> None:
    """A late event comes after what its topic had before it, in its block and in an earlier one; it holds back no other topic."""
    assert folded(("likes", [5, 1]), ("shares", [2, 6, 3]), ("likes", [4, 8])) == [
        "shares2", "likes5", "likes1", "likes4", "shares6", "shares3", "likes8"
    ]  # fmt: skip


def test_one_topic_alone_is_not_sorted() -> None:
    """Its own order is all there is."""
    assert folded(("likes", [5, 1]), ("likes", [4, 2])) == ["likes5", "likes1", "likes4", "likes2"]
