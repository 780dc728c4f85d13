"""The story that the demo tells: invented events, and a purge by which somebody falls."""

from __future__ import annotations

from itertools import islice

import orjson

from agents.demo.story import LATELY, SHAPE, purged
from streams.events import KINDS, Event, parse
from streams.sources import Produced, Synthetic
from streams.topics import KIND_OF

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
