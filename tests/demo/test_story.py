"""The story that the demo tells: invented events, and a purge by which somebody falls."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import orjson
import pytest

from agents.demo.person import FIRST, OTHERS, with_person
from agents.demo.silent import FANS, NAME, with_silent_star
from agents.demo.story import BURST_S, DEFAULT_RATE, LATELY, SHAPE, purged
from streams.events import KINDS, Event, parse
from streams.model.rules import WEEK_FALL, built_in
from streams.model.versions import DAY_MS, DEFAULT
from streams.offline import fold, scored
from streams.partitioner import partition_of
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


@pytest.mark.parametrize("late_ms", [-20_000, -4_000, -1_000, 30_000])
def test_a_silent_star_has_fallen_as_far_as_the_rule_says(late_ms: int) -> None:
    """By silence alone, since the close that the rule compares with; also when the demo's day closes before she is scored."""
    told: list[str] = []
    closes_ms = NOW_MS - late_ms
    came = list(with_silent_star([], SHAPE.network, closes_ms, lambda: NOW_MS, told.append))
    assert len(came) == FANS
    assert max(record.ts for record in came) < NOW_MS - 6 * DAY_MS
    at_ms = NOW_MS + 2_000
    table = fold(came, DEFAULT, newest_ms=at_ms, closes_ms=closes_ms % DAY_MS)
    [star] = [orjson.loads(one.record) for one in scored(table, at_ms) if one.user == f"{SHAPE.network}:{NAME}"]
    rule = next(one for one in built_in() if one.name == WEEK_FALL)
    assert rule.when.falls
    assert rule.when.within == "7d"
    assert star["delta"]["week"] < -rule.when.falls - 0.1
    # no alert by the demo's other rule, and this one is not over when the day closes
    assert -0.5 < star["delta"]["day"] < 0
    later_ms = closes_ms + 10_000
    table.days.begin(later_ms)
    [star] = [orjson.loads(one.record) for one in scored(table, later_ms) if one.user == f"{SHAPE.network}:{NAME}"]
    assert star["delta"]["week"] < -rule.back
    assert star["score"] > 59.9
    assert told == [f"a silent star: {FANS} people liked demo:stella a week ago, and nobody has engaged since"]


@pytest.mark.parametrize("partitions", [1, 2, 3, 4, 6, 8, 12])
def test_all_of_her_history_is_scored_at_once(partitions: int) -> None:
    """It comes first, out of one partition: so it is in one batch of the first burst, which a worker folds whole."""
    came = list(with_silent_star(feed(9), SHAPE.network, NOW_MS, lambda: NOW_MS, print))
    assert [orjson.loads(record.value)["target"] == NAME for record in came] == [True] * FANS + [False] * 9
    assert len({record.key for record in came[:FANS]}) == FANS
    assert len({partition_of(record.key, partitions) for record in came[:FANS]}) == 1
    assert BURST_S * DEFAULT_RATE > FANS
