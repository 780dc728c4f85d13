"""The story that the demo tells: invented events, and a purge by which somebody falls."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import orjson

from agents.demo.person import FIRST, OTHERS, with_person
from agents.demo.story import LATELY, SHAPE, purged
from streams.events import KINDS, Event, parse
from streams.people.controls import Link
from streams.people.controls import parse as parse_control
from streams.sources import Produced, Synthetic
from streams.topics import CONTROLS, KIND_OF

NEWEST_MS = 2**45
NAMES = dict(zip(KIND_OF, KINDS, strict=True))
NOW_MS = 1_800_000_000_000


def feed(count: int = 3_000) -> list[Produced]:
    """Some lively events."""
    return list(islice(Synthetic(1, 200, 500, shape=SHAPE.clean()), count))


def test_before_its_time_nothing_is_taken_back() -> None:
    """The records pass as they are, and nothing is told."""
    told: list[str] = []
    assert list(purged(feed(), 1_000, lambda: 999, told.append)) == feed()
    assert told == []


def test_a_purge_takes_back_what_one_star_got() -> None:
    """Once, after the record at hand: undos of engagements with one person, each right for its topic, key and id."""
    told: list[str] = []
    records = feed()
    came = list(purged(records, NOW_MS, iter(range(NOW_MS - 2_000, NOW_MS + 10_000)).__next__, told.append))
    undos = [record for record in came if record not in records]
    assert [record for record in came if record in records] == records
    assert len(told) == 1
    assert f" {len(undos)} engagements" in told[0]
    assert len(undos) > 20
    given = {orjson.loads(record.value)["id"]: (record, orjson.loads(record.value)) for record in records}
    stars = set()
    for record in undos:
        undo = parse(record.value, NAMES[record.topic], NEWEST_MS)
        assert isinstance(undo, Event)
        assert undo.undo
        original, event = given[str(undo.ref)]
        assert (record.topic, record.key) == (original.topic, original.key)
        assert (undo.actor, undo.target) == (event["actor"], event["target"])
        stars.add(undo.target)
    assert len(stars) == 1
    assert len(undos) == len({orjson.loads(record.value)["ref"] for record in undos}) <= LATELY


def test_bad_records_are_no_reason_to_stop() -> None:
    """What cannot be read passes, before and after the purge."""
    bad = Produced("likes", b"", b"{", -1)
    assert list(purged([bad] * 3, 0, lambda: 1, print)) == [bad] * 3


def test_three_accounts_become_one_person() -> None:
    """Everything is there in its order; who is engaged with most is so on three networks, and all three are linked once."""
    told: list[str] = []
    records = feed()
    came = list(with_person(records, NOW_MS, iter(range(NOW_MS - 500, NOW_MS + 10_000)).__next__, told.append))
    links = [record for record in came if record.topic == CONTROLS.name]
    came = [record for record in came if record not in links]
    assert came[:FIRST] == records[:FIRST]
    assert [orjson.loads(r.value)["id"] for r in came] == [orjson.loads(r.value)["id"] for r in records]
    networks = (SHAPE.network, *OTHERS)
    said = [parse_control(record.value, NEWEST_MS) for record in links]
    assert all(isinstance(one, Link) for one in said)
    (star,) = {one.person for one in said}  # type: ignore[union-attr]
    assert [one.user for one in said] == [f"{network}:{star}" for network in networks]  # type: ignore[union-attr]
    assert [record.key.decode() for record in links] == [one.user for one in said]  # type: ignore[union-attr]
    got = Counter(
        event.network
        for record in came[FIRST:]
        if isinstance(event := parse(record.value, NAMES[record.topic], NEWEST_MS), Event) and event.target == star
    )
    assert set(got) == set(networks)
    moved = [record for record in came if record not in records]
    assert all(record.key.decode() == "{network}:{actor}".format(**orjson.loads(record.value)) for record in moved)
    assert len(told) == 1
    assert told[0].endswith(f"person:{star}")
