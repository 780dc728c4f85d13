"""Silence of feeds: counted in each partition, told to the home of a network, which says so once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import CloutError
from streams.events import NEWEST_MS
from streams.formats import engagements, feeds
from streams.formats.engagements import arrived
from streams.formats.feeds import KEY, Came, Heard
from streams.model.feed_alerts import Told
from streams.model.feeds import HOURS, LIMITS, MOST_FEEDS, Feed
from streams.model.gaps import KEPT_MS, Gap, Gaps
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partition import feeds as told_of
from streams.partition.counting import Counting
from streams.partition.feed_home import Home, Said
from streams.partition.feeds import Feeding, by_home
from streams.partition.intake import Intake
from streams.partitioner import partition_of
from streams.policies.book import Book, Policies
from streams.topics import ENGAGEMENTS
from tests.partition.blocks import T0, Record, block

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
NET = "net"
NAMES = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9).filter(
    feeds.good_network
)
_CAME = st.builds(
    lambda network, newest, counts: Came(
        network, newest, tuple(sorted(counts)), tuple(counts[h] for h in sorted(counts))
    ),
    NAMES,
    st.integers(0, NEWEST_MS),
    st.dictionaries(st.integers(0, NEWEST_MS), st.integers(1, 2**32 - 1), min_size=1, max_size=5),
)


def heard(
    now_ms: int, *came: Came, partition: int = 0, version: int | None = None, part: int = 0, caught_up: bool = True
) -> Heard:
    """What a partition tells."""
    return Heard(partition, now_ms if version is None else version, part, now_ms, caught_up, came)


def steady(until_ms: int, hours: int = 60, an_hour: int = 60) -> Came:
    """So many events in each of the hours before, none since."""
    begins = range(until_ms - hours * HOUR_MS, until_ms, HOUR_MS)
    return Came(NET, until_ms, tuple(begins), (an_hour,) * hours)


class World:
    """A home, and the topic `policies` that it writes to."""

    def __init__(self, partitions: int = 1, feeds: Iterable[Feed] = ()) -> None:
        self.home = Home(partition_of(NET, partitions), partitions, LIMITS, feeds)
        self.policies, self._said = Policies(), 0

    def interval(self, now_ms: int, *told: Heard, known: bool = True) -> Said:
        """What it says; `known`: and the book has it."""
        book = self.policies.book()
        said = self.home.said(told, book, Told(now_ms, book.offset, now_ms))
        if said.policies:
            self.home.committed(self._said + len(said.policies))
        for key, value in said.policies:
            self.policies.read(self._said, key, value)
            self._said += 1
        if not known:
            self.policies._book = book
        return said

    def gap(self, *gaps: Gap) -> None:
        """Somebody says so."""
        self.policies.read(self._said, b"gap/net", msgspec.json.encode(Gaps(network=NET, gaps=gaps)))
        self._said += 1

    @property
    def gaps(self) -> list[Gap]:
        """Those in the book."""
        return [gap for one in self.policies.book().gaps for gap in one.gaps]


def ids(said: Said) -> list[str]:
    """Of its alerts."""
    return [orjson.loads(alert.value)["id"] for alert in said.alerts]


STOP = T0 // HOUR_MS * HOUR_MS
LATER = STOP + 20 * MINUTE_MS


def test_a_silence_is_said_once() -> None:
    """A gap since the newest event, an alert when the book has it, and both are over when something comes again."""
    world = World()
    assert world.interval(STOP, heard(STOP, steady(STOP))).policies == []
    world.interval(LATER - MINUTE_MS, heard(LATER - MINUTE_MS))
    assert world.gaps == []
    assert ids(world.interval(LATER, heard(LATER))) == []
    assert world.gaps == [Gap(since=STOP, by="silence")]
    assert ids(world.interval(LATER + 1)) == [f"gap/net/{STOP}/raised"]
    for minute in range(1, 200):
        said = world.interval(LATER + minute * MINUTE_MS, heard(LATER + minute * MINUTE_MS))
        assert (said.policies, said.alerts, said.changed) == ([], [], [])
    back = LATER + 200 * MINUTE_MS
    again = Came(NET, back - 5, (back // HOUR_MS * HOUR_MS,), (1,))
    world.interval(back, heard(back, again))
    assert world.gaps == [Gap(since=STOP, until=back, by="silence")]
    assert ids(world.interval(back + 1)) == [f"gap/net/{STOP}/recovered"]
    assert ids(world.interval(back + MINUTE_MS, heard(back + MINUTE_MS))) == []


def test_all_partitions_must_have_told() -> None:
    """Lately, and that they were caught up: where one lags, or nobody holds it, nothing is declared."""
    for others, there in (
        ([heard(LATER, partition=1)], True),
        ([], False),
        ([heard(LATER, partition=1, caught_up=False)], False),
        ([heard(LATER - 119_999, partition=1)], False),
        ([heard(LATER - MINUTE_MS, partition=1), heard(LATER, partition=1)], True),
        ([heard(LATER, partition=1), heard(LATER, partition=1, version=LATER + 1, caught_up=False)], False),
    ):
        world = World(2)
        world.interval(STOP, heard(STOP, steady(STOP)))
        world.interval(LATER, heard(LATER), *others)
        assert (world.gaps != []) == there, others
    old = World(2)
    old.interval(STOP, heard(STOP, steady(STOP)))
    much_later = LATER + HOUR_MS
    old.interval(much_later, heard(much_later), heard(much_later - 120_000, partition=1))
    assert old.gaps == []
    old.interval(much_later, heard(much_later - 119_000, partition=1))
    assert old.gaps != []


def test_what_is_known_outlives_a_take_over() -> None:
    """The rows of `state` hold what was told: nothing is told twice, and nothing is left open."""
    world = World()
    feeds_: dict[str, Feed] = {}
    told: list[str] = []
    moments = [STOP, LATER, LATER + 1, LATER + 2, LATER + HOUR_MS, LATER + HOUR_MS + 1, LATER + HOUR_MS + 2]
    came = {STOP: [steady(STOP)], LATER + HOUR_MS: [Came(NET, LATER + HOUR_MS, (LATER,), (1,))]}
    for now_ms in moments:
        said = world.interval(now_ms, heard(now_ms, *came.get(now_ms, ())))
        feeds_ |= {feed.network: feed for feed in feeds.load(feeds.records(said.changed))}
        told += ids(said)
        world.home = Home(0, 1, LIMITS, feeds.load(feeds.records(feeds_.values())))
    assert told == [f"gap/net/{STOP}/raised", f"gap/net/{STOP}/recovered"]
    assert world.gaps == [Gap(since=STOP, until=LATER + HOUR_MS, by="silence")]


def test_what_was_written_is_waited_for() -> None:
    """Until the book has it, nothing more is written: it would take the place of the other."""
    world = World()
    world.interval(STOP, heard(STOP, steady(STOP)))
    world.interval(LATER, heard(LATER), known=False)
    back = LATER + MINUTE_MS
    assert world.interval(back, heard(back, Came(NET, back, (LATER,), (1,))), known=False).policies == []
    world.policies._book = None
    world.interval(back + MINUTE_MS, heard(back + MINUTE_MS))
    assert world.gaps == [Gap(since=STOP, until=back + MINUTE_MS, by="silence")]


@pytest.mark.parametrize("removed", [True, False])
def test_who_ends_a_gap_has_the_last_word(removed: bool) -> None:
    """It is not declared again for the same silence; for the next one it is."""
    world = World()
    world.interval(STOP, heard(STOP, steady(STOP)))
    world.interval(LATER, heard(LATER))
    world.interval(LATER + 1)
    if removed:
        world.policies.read(world._said, b"gap/net", None)
        world._said += 1
    else:
        world.gap(Gap(since=STOP, until=LATER + 2))
    assert ids(world.interval(LATER + 3)) == [f"gap/net/{STOP}/recovered"]
    for minute in range(200):
        assert world.interval(LATER + minute * MINUTE_MS, heard(LATER + minute * MINUTE_MS)).policies == []
    then = LATER + 200 * MINUTE_MS
    world.interval(then, heard(then, Came(NET, then, (then // HOUR_MS * HOUR_MS,), (1,))))
    world.interval(then + HOUR_MS, heard(then + HOUR_MS))
    assert world.gaps[0] == Gap(since=then, by="silence")


def test_a_declared_gap() -> None:
    """Of it people are told too, also of a network that nobody has heard of; workers end it not, and add none while it is on."""
    world = World()
    world.gap(Gap(since=STOP - 5))
    (alert,) = world.interval(STOP).alerts
    body = orjson.loads(alert.value)
    assert (body["id"], body["by"], body["expected"]) == (f"gap/net/{STOP - 5}/raised", "declared", 0)
    world.interval(STOP, heard(STOP, steady(STOP)))
    for minute in range(0, 60, 5):
        assert world.interval(LATER + minute * MINUTE_MS, heard(LATER + minute * MINUTE_MS)).policies == []
    assert world.interval(LATER + HOUR_MS, heard(LATER + HOUR_MS, Came(NET, LATER, (LATER,), (1,)))).policies == []
    world.gap(Gap(since=STOP - 5, until=LATER + 2 * HOUR_MS))
    assert world.interval(LATER + 2 * HOUR_MS - 1).alerts == []
    assert ids(world.interval(LATER + 2 * HOUR_MS)) == [f"gap/net/{STOP - 5}/recovered"]
    assert world.interval(LATER + 3 * HOUR_MS).alerts == []


def test_a_network_has_one_home() -> None:
    """The others say nothing of it, whatever they are told."""
    number = partition_of(NET, 3)
    for one in range(3):
        world = World(3)
        world.home = Home(one, 3, LIMITS)
        world.gap(Gap(since=STOP))
        said = world.interval(STOP, heard(STOP, steady(STOP)))
        assert (len(said.alerts), len(said.changed)) == ((1, 1) if one == number else (0, 0))


def test_there_is_room_for_a_thousand() -> None:
    """Further ones are left out, until others were not heard of for a month."""
    home = Home(0, 1, LIMITS)
    many = [Came(f"n{i}", STOP, (STOP,), (1,)) for i in range(MOST_FEEDS)]
    home.said([heard(STOP, *many)], Book(), Told(STOP, -1, 1))
    new = Came("new", STOP + 1, (STOP,), (1,))
    assert home.said([heard(STOP + 1, new)], Book(), Told(STOP + 1, -1, 2)).changed == []
    late = STOP + KEPT_MS + 1
    said = home.said([], Book(), Told(late, -1, 3))
    assert len(said.gone) == MOST_FEEDS
    assert feeds.load(feeds.removals(said.gone)) == []
    assert len(home.said([heard(late, new)], Book(), Told(late, -1, 4)).changed) == 1


# -- telling --------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9 * HOUR_MS)), max_size=60), st.randoms())
def test_everything_is_counted(events: list[tuple[int, int]], random: Random) -> None:
    """By network and hour, whatever the batches, and once; with the newest time of each."""
    table, counting = Table(PLAIN), Counting(HOUR_MS)
    wanted, newest, found = Counter[tuple[str, int]](), dict[str, int](), Counter[tuple[str, int]]()
    while events:
        some = [events.pop() for _ in range(min(random.randint(1, 20), len(events)))]
        users = [f"n{n % 4}:u{n}" for n, _ in some]
        for (n, ts), _ in zip(some, users, strict=True):
            wanted[f"n{n % 4}", ts // HOUR_MS * HOUR_MS] += 1
            newest[f"n{n % 4}"] = max(newest.get(f"n{n % 4}", 0), ts)
        counting.add(table, table.slots(users), np.array([ts for _, ts in some]))
        if random.random() < 0.3 or not events:
            for came in counting.take():
                assert came.newest_ms == newest[came.network]
                found.update({(came.network, hour): count for hour, count in zip(came.hours, came.counts, strict=True)})
    assert found == wanted
    assert counting.take() == []


def test_when_it_is_told() -> None:
    """At full minutes, by all at once; nothing is known of the broker by who was stopped for two minutes, or has just begun."""
    feeding = Feeding(0, 1, LIMITS)
    assert feeding.due(T0 + 1, T0)
    assert feeding.follow(T0 + 1, caught_up=True)
    told = feeding._caught_up
    assert told is False, "it has just begun"
    assert not feeding.due(T0 + 59_999, T0 + 59_999)
    assert feeding.in_s(T0 + 59_000) == 1.0
    assert not feeding.follow(T0 + 59_999, caught_up=True)
    assert feeding.follow(T0 + 59_999, caught_up=True, last=True)
    assert feeding.due(T0 + MINUTE_MS, T0 + MINUTE_MS)
    assert (feeding.in_s(T0 + MINUTE_MS), feeding.follow(T0 + MINUTE_MS, caught_up=True)) == (0.0, True)
    assert feeding._caught_up
    for late_ms, fine in ((119_999, True), (120_000, False), (1, True), (-1, False)):
        now_ms = (feeding._awake_ms or 0) + late_ms
        feeding.due(now_ms, now_ms)
        feeding._told = -1
        feeding.follow(now_ms, caught_up=True)
        assert feeding._caught_up is fine, late_ms
    never = Feeding()
    assert (never.due(T0, T0), never.follow(T0, caught_up=True, last=True)) == (False, False)


def test_much_is_told_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each home hears of its networks, all of them; only who has heard the last part knows all."""
    monkeypatch.setattr(told_of, "MOST_TOLD", 5)
    some = tuple(Came(f"n{i}", STOP, (STOP, STOP + HOUR_MS, STOP + 2 * HOUR_MS), (1, 2, 3)) for i in range(20))
    told = list(by_home(heard(STOP, *some), 3))
    assert {to for to, _ in told} == {0, 1, 2}
    for to in range(3):
        parts = [part for number, part in told if number == to]
        assert [part.part for part in parts] == list(range(len(parts)))
        assert [part.caught_up for part in parts] == [False] * (len(parts) - 1) + [True]
        assert [one for part in parts for one in part.came] == [
            one for one in some if partition_of(one.network, 3) == to
        ]
    world = World()
    for part in (heard(STOP, steady(STOP)), heard(STOP, steady(STOP), part=1), heard(STOP, steady(STOP), part=1)):
        world.interval(STOP, part)
    assert int(world.home.feeds[NET].counts[-1]) == 120, "the last one came twice"


@given(
    st.lists(_CAME, max_size=6, unique_by=lambda came: came.network),
    st.integers(0, 2**32),
    st.integers(0, 2**63),
    st.booleans(),
)
def test_it_survives_the_wire(came: list[Came], partition: int, version: int, caught_up: bool) -> None:
    """Read with kernels and without."""
    one = Heard(partition, version, 3, T0, caught_up, tuple(came))
    record = feeds.encode(one, T0)
    for careful in (False, True):
        assert arrived(record, NEWEST_MS, careful=careful) == one
    with pytest.raises(ValueError, match="or feeds where engagements are read"):
        engagements.decode(record)


@pytest.mark.parametrize(
    "wrong",
    [
        [-1, 1, 0, T0, True, []],
        [0, -1, 0, T0, True, []],
        [0, 1, 0, NEWEST_MS + 1, True, []],
        [0, 1, 0, T0, 1, []],
        [0, 1, 0, T0, True],
        [0, 1, 0, T0, True, [["a:b", 1, [1], [1]]]],
        [0, 1, 0, T0, True, [["person", 1, [1], [1]]]],
        [0, 1, 0, T0, True, [["", 1, [1], [1]]]],
        [0, 1, 0, T0, True, [["n" * 500, 1, [1], [1]]]],
        [0, 1, 0, T0, True, [["n", 1, [1], [1]]] * 2],
        [0, 1, 0, T0, True, [["n", 1, [], []]]],
        [0, 1, 0, T0, True, [["n", 1, [1, 2], [1]]]],
        [0, 1, 0, T0, True, [["n", 1, [2, 2], [1, 1]]]],
        [0, 1, 0, T0, True, [["n", 1, [2, 1], [1, 1]]]],
        [0, 1, 0, T0, True, [["n", 1, [-1], [1]]]],
        [0, 1, 0, T0, True, [["n", 1, [NEWEST_MS + 1], [1]]]],
        [0, 1, 0, T0, True, [["n", 1, [1], [0]]]],
        [0, 1, 0, T0, True, [["n", 1, [1], [2**32]]]],
        [0, 1, 0, T0, True, [["n", NEWEST_MS + 1, [1], [1]]]],
        [0, 1, 0, T0, True, [["n", 1, list(range(HOURS + 1)), [1] * (HOURS + 1)]]],
        [0, 1, 0, T0, True, [[f"n{i}", 1, [1], [1]] for i in range(MOST_FEEDS + 1)]],
        {"a": 1},
    ],
)
def test_what_no_clout_has_written_is_refused(wrong: Any) -> None:
    """Out of range, twice, cut off, of another form."""
    with pytest.raises(ValueError, match="feeds"):
        feeds.decode(msgspec.msgpack.encode(wrong))


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
def test_strangers_bytes(garbage: bytes, at: int, byte: int) -> None:
    """Garbage, and a record with a byte that was changed: it is refused, or read as something that could be."""
    good = bytearray(msgspec.msgpack.encode(heard(T0, steady(STOP, 3))))
    good[at % len(good)] = byte
    for section in (garbage, bytes(good)):
        try:
            found = feeds.decode(section)
        except ValueError:
            continue
        assert all(0 < count < 2**32 for came in found.came for count in came.counts)


def test_of_a_partition_that_there_is_not() -> None:
    """It is a reject; the others are kept until the cut."""
    intake = Intake(Table(PLAIN), 0, 2)
    intake.positions = {ENGAGEMENTS.name: 0}
    sent = [heard(T0, steady(STOP)), heard(T0, partition=2), heard(T0, partition=1)]
    records = [feeds.encode(one, T0) for one in sent]
    intake.fold(block(ENGAGEMENTS.name, *(Record(n, record) for n, record in enumerate(records))), T0)
    assert list(intake.cut(T0).heard) == [sent[0], sent[2]]
    assert list(intake.cut(T0).heard) == []
    assert intake.table.counts.rejected == 1


# -- state ----------------------------------------------------------------------------------------------------------


def test_damaged_rows() -> None:
    """What is no such record ends the take-over, with its key."""
    (key, value), *_ = feeds.records([Feed(NET, first := STOP // HOUR_MS, newest_ms=STOP)])
    assert key == KEY + b"net"
    (feed,) = feeds.load([(key, value)])
    assert (feed.network, feed.first, feed.newest_ms, feed.counts.tolist()) == (NET, first, STOP, [0] * HOURS)
    for bad in (
        (key, value[:-1]),
        (key, b"x"),
        (KEY + b"a:b", value),
        (KEY + b"\xff", value),
        (key, msgspec.msgpack.encode([1, b"", 0, 0, 0, 0, 0, False])),
        (key, msgspec.msgpack.encode([1, bytes(4 * HOURS), NEWEST_MS + 1, 0, 0, 0, 0, False])),
        (key, msgspec.msgpack.encode([-HOURS - 1, bytes(4 * HOURS), 1, 0, 0, 0, 0, False])),
    ):
        with pytest.raises(CloutError, match="damaged record"):
            feeds.load([bad])


def test_what_tells_of_feeds_alone_is_known() -> None:
    """Whoever is at rest leaves it unread, and nothing else."""
    assert feeds.is_one(feeds.encode(Heard(0, 1, 0, T0, True, ()), T0))
    others = (None, b"", b"{}", b"\xff", msgspec.msgpack.encode([2, T0, [], {"target": b""}]))
    assert not any(map(feeds.is_one, others))
