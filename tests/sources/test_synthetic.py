"""The generator: the same seed the same bytes, the rates asked for, no duplicate or undo out of the engine's reach."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from streams.errors import UsageError
from streams.events import KINDS, TOPIC_OF, Event, Reject, parse
from streams.sources import Produced, Shape, Synthetic
from streams.sources.breakage import BREAKAGES
from streams.sources.synthetic import START_MS

KIND_OF = {topic: kind for kind, topic in TOPIC_OF.items()}
FOREVER = 1 << 42
N = 60_000


def decoded(record: Produced) -> Event | Reject:
    return parse(record.value, KIND_OF[record.topic], FOREVER)


def engine(records: list[Produced], remembered: int = 24) -> Counter[str]:
    """What an ideal engine counts that remembers the last ids of each actor and topic, undos and repeats dropped."""
    out: Counter[str] = Counter()
    memory: defaultdict[tuple[str, bytes], deque[str]] = defaultdict(lambda: deque(maxlen=remembered))
    for record in records:
        event = decoded(record)
        if isinstance(event, Reject):
            out["broken"] += 1
            continue
        ids = memory[record.topic, record.key]
        if event.id in ids:
            out["duplicates"] += 1
            continue
        out["events"] += 1
        if event.undo:
            out["undos"] += 1
            out["undos of something unknown"] += event.ref not in ids
        ids.append(event.id)
    return out


@pytest.fixture(scope="module")
def stream() -> Synthetic:
    """A generator of default shape that has been drained; its records are in `stream_records`."""
    return Synthetic(7, 5_000, limit=N)


@pytest.fixture(scope="module")
def records(stream: Synthetic) -> list[Produced]:
    return list(stream)


def test_same_seed_same_bytes() -> None:
    """The same arguments give the same bytes; another seed, population or run gives others."""
    first = list(Synthetic(1, 100, limit=5000))
    assert first == list(Synthetic(1, 100, limit=5000))
    assert first != list(Synthetic(2, 100, limit=5000))
    assert first != list(Synthetic(1, 101, limit=5000))
    assert {r.value for r in first}.isdisjoint(
        {r.value for r in Synthetic(1, 100, limit=5000, start_ms=1_000_000_000_000)} - {b""}
    )


@pytest.mark.parametrize("limit", [0, 1, 4095, 4096, 4097, 9000])
def test_a_limit_only_cuts(limit: int) -> None:
    """A limited stream is the beginning of the endless one, and its counts are of what was handed out."""
    stream = Synthetic(1, 100, limit=limit)
    taken = list(stream)
    assert taken == list(islice(Synthetic(1, 100), limit))
    assert stream.emitted["records"] == len(taken) == limit


def test_an_engine_finds_what_was_announced(stream: Synthetic, records: list[Produced]) -> None:
    """Events, duplicates, broken records and undos, counted by an ideal engine, are exactly what `emitted` says."""
    found = engine(records)
    assert found.pop("undos of something unknown", 0) == 0
    assert found == {name: stream.emitted[name] for name in ("events", "duplicates", "broken", "undos")}
    assert min(found.values()) > 0
    assert stream.broken.total() == found["broken"]


def test_few_users_and_many_undos() -> None:
    """Also with two users and every third record an undo or a duplicate, none is out of an engine's reach."""
    for users in (2, 3, 50):
        stream = Synthetic(3, users, limit=20_000, shape=Shape(undo=0.2, undo_after=20, duplicate=0.15, broken=0.02))
        found = engine(list(stream))
        assert found.pop("undos of something unknown", 0) == 0
        assert found == {name: stream.emitted[name] for name in ("events", "duplicates", "broken", "undos")}
        assert found["undos"] > 400, users


def test_an_event_is_undone_once(records: list[Produced]) -> None:
    """No event is undone twice, and an undo comes from the actor and topic of what it undoes, not before it."""
    made: dict[str, Produced] = {}
    refs = []
    for record in records:
        event = decoded(record)
        if isinstance(event, Event):
            made.setdefault(event.id, record)
            if event.undo and event.id not in refs:
                refs.append(event.id)
                of = made[event.ref or ""]
                assert (of.topic, of.key) == (record.topic, record.key)
                assert of.ts <= record.ts
    undone = [decoded(made[id_]).ref for id_ in refs]  # type: ignore[union-attr]
    assert len(set(undone)) == len(undone) > 0


def test_rates(stream: Synthetic, records: list[Produced]) -> None:
    """Every share is what the shape says, within what chance allows."""
    shape, said = stream.shape, stream.emitted
    for name, want in [
        ("duplicates", shape.duplicate),
        ("broken", shape.broken),
        ("undos", shape.undo),
        ("late", shape.late),
        ("itself", shape.itself),
        ("repeats", shape.repeat),
    ]:
        assert said[name] / N == pytest.approx(want, rel=0.25), name
    topics = Counter(record.topic for record in records)
    for kind, want in shape.kinds:
        assert topics[TOPIC_OF[kind]] / N == pytest.approx(want, rel=0.25), kind
    assert said["records"] == said["events"] + said["duplicates"] + said["broken"] == N


def test_all_breakages_are_rejected() -> None:
    """Each way to break a record makes one that is rejected, of any kind, and of an undo's neighbour too."""
    sample = Synthetic(1, 100, shape=Shape().clean(), limit=300)
    for record in sample:
        assert isinstance(decoded(record), Event)
        if b'"undo"' in record.value:
            continue
        for name, spoil in BREAKAGES.items():
            broken = record._replace(value=spoil(record.value))
            assert isinstance(decoded(broken), Reject), (name, broken.value)


def test_clean_and_restricted() -> None:
    """`clean` leaves only good events in time order, each id once; `kinds` leaves only those kinds."""
    stream = Synthetic(1, 1000, limit=20_000, shape=Shape().clean().only("like", "share", "retweet", "follow"))
    taken = list(stream)
    ids = [event.id for record in taken if isinstance(event := decoded(record), Event)]
    assert len(set(ids)) == len(taken)
    assert [record.ts for record in taken] == sorted(record.ts for record in taken)
    assert {record.topic for record in taken} == {"likes", "shares", "retweets", "follows"}
    assert (stream.emitted["events"], stream.emitted["late"]) == (20_000, 0)


def test_event_time_follows_the_rate(records: list[Produced]) -> None:
    """Event time starts at `start_ms` and advances by the rate; late records are late by up to the maximum."""
    taken = list(Synthetic(1, 100, rate=500, start_ms=1_000_000_000_000, limit=1001, shape=Shape().clean()))
    assert (taken[0].ts, taken[-1].ts) == (1_000_000_000_000, 1_000_000_002_000)
    behind = [START_MS + number // 2 - record.ts for number, record in enumerate(records)]
    assert 20_000 < max(behind) <= Shape().late_max_ms
    assert min(behind) >= 0
    assert sum(ms > 200 for ms in behind) / N == pytest.approx(Shape().late, rel=0.25)


def test_a_clock_stamps_at_the_last_moment() -> None:
    """With a clock a record bears the time at which it is asked for; a duplicate is the old record, byte for byte."""
    now = START_MS
    stream = Synthetic(7, 100, clock=lambda: now, shape=Shape(late=0.0, duplicate=0.05, undo=0.1, broken=0.02))
    taken: list[Produced] = []
    repeated = 0
    for _ in range(9000):
        now += 3
        record = next(stream)
        event = decoded(record)
        if isinstance(event, Event):
            assert event.ts == record.ts
        if record.ts == now:
            assert b"\x00" not in record.value
        else:
            repeated += 1
            assert record in taken[-20:]
        taken.append(record)
    assert repeated == stream.emitted["duplicates"]
    assert engine(taken)["duplicates"] == stream.emitted["duplicates"]
    assert engine(taken)["broken"] == stream.emitted["broken"] == stream.broken.total()


def test_a_clock_changes_times_only() -> None:
    """With and without a clock the same seed tells the same story: same actors, topics and roles."""
    plain, live = Synthetic(5, 100, limit=9000), Synthetic(5, 100, limit=9000, clock=lambda: START_MS)
    assert [record[:2] for record in plain] == [record[:2] for record in live]
    assert (plain.emitted, plain.broken) == (live.emitted, live.broken)


def test_skew() -> None:
    """Fame is steep, activity is flat, as in Higgs: its top 1,000 targets had 62 %, its top 1,000 actors 6.9 %."""
    events = [
        event
        for record in Synthetic(1, 304_691, rate=100, limit=100_000)
        if isinstance(event := decoded(record), Event)
    ]
    share: dict[str, Any] = {}
    for role in ("actor", "target"):
        counts = Counter(getattr(event, role) for event in events)
        share[role] = sum(count for _, count in counts.most_common(1000)) / len(events)
    assert share["target"] == pytest.approx(0.62, abs=0.06)
    assert share["actor"] == pytest.approx(0.09, abs=0.03)  # a shorter stretch looks a little steeper
    pairs = Counter((event.actor, event.target) for event in events)
    assert 1 - len(pairs) / len(events) == pytest.approx(0.11, abs=0.03)


def test_bursts() -> None:
    """In a burst one target takes its share of what happens, and between bursts nobody does."""
    shape = replace(Shape().clean(), burst=0.5, burst_s=10, burst_every_s=10, undo=0)
    stream = Synthetic(2, 10_000, rate=1000, shape=shape, limit=60_000)
    targets = [event.target for record in stream if isinstance(event := decoded(record), Event)]
    largest = [Counter(targets[at : at + 1000]).most_common(1)[0][1] / 1000 for at in range(0, 60_000, 1000)]
    assert sum(0.4 < share < 0.6 for share in largest) > 5
    assert sum(share < 0.1 for share in largest) > 5
    assert 0.1 < stream.emitted["viral"] / 60_000 < 0.45
    quiet = Synthetic(2, 10_000, shape=replace(shape, burst=0.0), limit=5000)
    list(quiet)
    assert quiet.emitted["viral"] == 0


def test_size_and_names(records: list[Produced]) -> None:
    """A record is about as large as a real event, its key is its actor, and names do not collide."""
    events = [(record, event) for record in records if isinstance(event := decoded(record), Event)]
    assert 150 < sum(len(record.value) for record, _ in events) / len(events) < 200
    assert all(record.key == f"demo:{event.actor}".encode() for record, event in events)
    everybody = {event.actor for event in (decoded(r) for r in Synthetic(1, 7, limit=5000)) if isinstance(event, Event)}
    assert len(everybody) == 7
    odd = next(Synthetic(1, 10, shape=Shape(network='a"b').clean()))
    event = decoded(odd)
    assert isinstance(event, Event)
    assert event.network == 'a"b'


def test_a_million_users_are_no_burden() -> None:
    """The population costs no memory and no table: ten billion users work like ten."""
    assert len(list(Synthetic(1, 10_000_000_000, limit=5000))) == 5000


@pytest.mark.parametrize(
    "wrong",
    [
        {"users": 1},
        {"rate": 0},
        {"rate": -1},
    ],
)
def test_wrong_arguments(wrong: dict[str, Any]) -> None:
    """Arguments that make no sense are refused with a message."""
    with pytest.raises(UsageError):
        Synthetic(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"undo": -0.1},
        {"late": 2},
        {"undo": 0.95},
        {"duplicate_within": 30},
        {"target_flat": 0},
        {"kinds": ()},
        {"kinds": (("poke", 1.0),)},
        {"network": "a:b"},
        {"network": ""},
    ],
)
def test_wrong_shapes(wrong: dict[str, Any]) -> None:
    """A shape that could not be kept is refused."""
    with pytest.raises(UsageError):
        Shape(**wrong)


def test_every_kind_is_in_the_default_mix() -> None:
    """The default mix has all kinds and adds up to one."""
    assert {kind for kind, _ in Shape().kinds} == set(KINDS)
    assert sum(share for _, share in Shape().kinds) == pytest.approx(1)
