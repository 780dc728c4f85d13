"""Lists under an enemy's feed: too many topics, one topic in many spellings, one object for all, fresh names without end.

Small counts here; `python -m tests.fold.test_hostile_lists 1000000` runs the large form, and prints what each costs.
"""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest

from streams.events import KIND_INDEX
from streams.fold.tops import LONGEST
from streams.model.influence import influence
from streams.model.table import Table
from streams.model.tops import Entry
from streams.model.versions import DAY_MS, PLAIN
from streams.offline import Core
from tests.model import lists
from tests.model.lists import MOST
from tests.model.world import T0

TOPICS, PEOPLE, OBJECTS, FORGOTTEN = range(4)
BLOCK = 1_000
NEWEST_MS = 2**45
CAFE = ("#Café", "CAFE\u0301", "cafe\u0301", " CAFÉ", "\uff43\uff41\uff46\u00e9", "\uff23\uff21\uff26\uff25\u0301 ")


class Fed(NamedTuple):
    """A table that was fed, and what it took."""

    table: Table
    lists_bytes: list[int]  #: of all lists together, after each tenth of the events
    us: list[float]  #: an event, of each tenth

    def entries(self, user: str) -> tuple[list[Entry], ...]:
        """The four lists of a user."""
        return self.table.tops.lists(self.table.slot(f"net:{user}"), self.table.clock, PLAIN.half_lives_ms[2])


def feed(n: int, event: Callable[[int], dict[str, Any]], table: Table | None = None) -> Fed:
    """Number 0 to n - 1 as bytes, one a millisecond, folded in blocks as a worker does. None is rejected, each counts."""
    table, core = Table(PLAIN) if table is None else table, Core()
    before = table.counts.folded
    sizes, us = list[int](), list[float]()
    for tenth in np.array_split(np.arange(n), 10):
        took_s = 0.0
        for start in range(0, len(tenth), BLOCK):
            values = [_value(i, event(i)) for i in tenth[start : start + BLOCK].tolist()]
            began_s = time.perf_counter()
            core.fold(table, values, [KIND_INDEX["like"]] * len(values), NEWEST_MS)
            took_s += time.perf_counter() - began_s
        sizes.append(table.tops.nbytes)
        us.append(1e6 * took_s / max(len(tenth), 1))
    assert not core.report.rejects
    assert table.counts.folded - before == n
    return Fed(table, sizes, us)


def _value(number: int, event: dict[str, Any]) -> bytes:
    return orjson.dumps({"id": f"e{number}", "network": "net", "ts": T0 + number} | event)


def bounded(fed: Fed) -> None:
    """Nobody has more than a list holds."""
    for slot in range(min(len(fed.table), 2_000)):
        kept = fed.table.tops[slot]
        assert len(kept) <= LONGEST
        assert all(len(some) <= most for some, most in zip(lists.read(kept)[1], MOST, strict=True))


def too_many_topics(n: int) -> Fed:
    """32 topics on each event, those of no two events alike but for the first."""
    return feed(n, lambda i: _to_bob(i, topics=["first", *(f"{i}-{k}" for k in range(31))]))


def one_too_many(n: int) -> Fed:
    """33 of them: more than an event may say."""
    return feed(n, lambda i: _to_bob(i, object="o", topics=[f"t{k}" for k in range(33)]))


def spelt(n: int) -> Fed:
    """One topic as it may be written: capitals, a sign, blanks, accents apart, full width."""
    return feed(n, lambda i: _to_bob(i, topics=[CAFE[i % len(CAFE)], CAFE[(i + 1) % len(CAFE)]]))


def of_bytes(n: int, size: int) -> Fed:
    """A topic of so many bytes and one that is short on each event."""
    return feed(n, lambda i: _to_bob(i, topics=["é" * (size // 2) + "x" * (size % 2), "short"]))


def one_object(n: int) -> Fed:
    """Strangers without end engage with one object."""
    return feed(n, lambda i: {"actor": f"a{i}", "target": "bob", "object": "it", "topics": ["jazz"]})


def fresh_names(n: int) -> Fed:
    """Somebody under another name each time engages with everybody, about something else each time."""
    return feed(
        n, lambda i: {"actor": f"a{i}", "target": f"b{i % 100}", "object": f"o{i}", "topics": [f"t{i}", f"u{i}"]}
    )


def fresh_targets(n: int) -> Fed:
    """One who engages with somebody else each time."""
    return feed(n, lambda i: {"actor": "ann", "target": f"b{i}", "object": "it", "topics": ["jazz"]})


def _to_bob(i: int, **about: Any) -> dict[str, Any]:
    return {"actor": f"a{i % 50}", "target": "bob", **about}


# -- what must hold ----------------------------------------------------------------------------------------------------


def test_of_32_topics_the_first_five_count() -> None:
    """No event is rejected; what is on all of them is surely there, and the list has its ten."""
    fed = too_many_topics(2_000)
    topics, people, *_ = fed.entries("bob")
    assert len(topics) == MOST[TOPICS]
    assert len(people) == MOST[PEOPLE]
    assert (topics[0].name, topics[0].error) == ("first", 0.0)
    assert topics[0].weight == pytest.approx(2_000, rel=1e-4)
    assert all(int(name.split("-")[1]) < 4 for name in (one.name for one in topics[1:]))
    assert fed.lists_bytes[-1] <= 16 * len(fed.table.tops[fed.table.slot("net:bob")])
    bounded(fed)


def test_with_33_topics_an_event_is_about_nothing() -> None:
    """It counts all the same."""
    fed = one_too_many(100)
    topics, people, objects, _ = fed.entries("bob")
    assert (topics, len(people), objects) == ([], MOST[PEOPLE], [])


def test_a_topic_is_one_however_it_is_written() -> None:
    """Twice on an event, it counts once."""
    ((one,), *_) = spelt(600).entries("bob")
    assert (one.name, one.error, one.people) == (unicodedata.normalize("NFC", "café"), 0.0, pytest.approx(50, rel=0.5))
    assert one.weight == pytest.approx(600, rel=1e-4)


@pytest.mark.parametrize(("size", "there"), [(128, True), (129, False)])
def test_a_topic_has_so_many_bytes_at_most(size: int, there: bool) -> None:
    """One that is longer does not count, the other of its event does."""
    topics, *_ = of_bytes(300, size).entries("bob")
    assert {len(one.name.encode()) for one in topics} == ({size, 5} if there else {5})


def test_an_object_shared_by_all_takes_no_more_room() -> None:
    """However many engage with it: engagements and people behind it are known, the lists stay as long as they were."""
    fed = one_object(20_000)
    (topic,), people, (it,), _ = fed.entries("bob")
    assert (it.name, it.kinds, it.error) == ("it", {"like": 20_000}, 0.0)
    assert it.weight == pytest.approx(20_000, rel=1e-3)
    assert (it.people, topic.people) == (pytest.approx(20_000, rel=0.6),) * 2  # three standard errors
    assert len(people) == MOST[PEOPLE]
    assert fed.lists_bytes[-1] == fed.lists_bytes[1]
    bounded(fed)


def test_what_weighs_much_still_grows() -> None:
    """An entry of a hundred million likes, which 32 bits cannot tell from one more: after 20,000 more it has about so many more."""
    fed = one_object(1)
    slot = fed.table.slot("net:bob")
    landmark, kept = lists.read(fed.table.tops[slot])
    fed.table.tops[slot] = lists.write(
        landmark, [[one._replace(weight=1e8 * one.weight) for one in some] for some in kept]
    )
    (before,), _, (it,), _ = fed.entries("bob")
    after = feed(20_000, lambda i: {"actor": f"z{i}", "target": "bob", "object": "it", "topics": ["jazz"]}, fed.table)
    (topic,), _, (more,), _ = after.entries("bob")
    for one, other in ((before, topic), (it, more)):
        assert other.weight - one.weight == pytest.approx(20_000, rel=0.1)  # standard error 2 %


def test_fresh_names_do_not_grow_lists() -> None:
    """Whoever comes and whatever they bring: each target has eight people, ten topics, eight objects, and no topic is theirs."""
    fed = fresh_names(10_000)
    bounded(fed)
    for lists_ in (fed.entries(f"b{n}") for n in range(100)):
        assert tuple(map(len, lists_)) == (MOST[TOPICS], MOST[PEOPLE], MOST[OBJECTS], 0)
    assert fed.lists_bytes[-1] <= 1.1 * fed.lists_bytes[4]
    slots = np.array([fed.table.slot(f"net:b{n}") for n in range(100)])
    assert not any(one.topics for one in influence(fed.table, slots, T0 + 2 * DAY_MS))


def test_who_engages_with_everybody_has_short_lists() -> None:
    """Of those who are forgotten sixteen are kept."""
    fed = fresh_targets(5_000)
    assert tuple(map(len, fed.entries("ann"))) == (0, 0, 0, MOST[FORGOTTEN])
    bounded(fed)


def _large(n: int) -> Iterator[tuple[str, Fed]]:
    yield "32 topics on each event", too_many_topics(n)
    yield "33 topics on each event", one_too_many(n)
    yield "one topic in six spellings", spelt(n)
    yield "a topic of 128 bytes", of_bytes(n, 128)
    yield "a topic of 129 bytes", of_bytes(n, 129)
    yield "one object, all strangers", one_object(n)
    yield "fresh names", fresh_names(n)
    yield "fresh targets", fresh_targets(n)


if __name__ == "__main__":
    number = int(sys.argv[1])
    for what, fed in _large(number):
        bounded(fed)
        own = max(len(fed.table.tops[slot]) for slot in range(len(fed.table)))
        each = " ".join(f"{one:.1f}" for one in fed.us)
        print(
            f"{what}: {number:,} events, us an event by tenths {each}; longest lists {own:,} bytes, all {fed.lists_bytes}"
        )
