"""`agents.feeds.runner`: what a live source gives arrives once, whatever happens to connections and processes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import orjson
import pytest

from agents.feeds import reading
from agents.feeds import runner as running
from agents.feeds.declared import declared
from agents.feeds.outlet import Outlet, Tail
from agents.local.embedded import free_port
from streams.broker import cursor_log
from streams.broker.publisher import transactional_producer
from streams.errors import CloutError, DependencyDown, LostPlace
from streams.events import MAX_EVENT_BYTES
from streams.formats.cursors import Cursor, decode, encode
from streams.model.gaps import Gap, Gaps
from streams.policies.records import encode as encode_policy
from streams.settings import Settings
from streams.sources.live import Missed
from streams.topics import POLICIES
from tests.feeds.contract import run, until
from tests.feeds.scripted import HOUR_MS, Scripted, gaps, ids, lived, made, runner


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about a second more or less."""
    monkeypatch.setattr(running, "EVERY_S", 0.05)


@pytest.fixture(params=["kafka", "embedded_kafka"])
def settings(request: pytest.FixtureRequest, prefix: str) -> Settings:
    """Of both brokers; the embedded one has no transactions."""
    return made(request.getfixturevalue(request.param), prefix, transactions=request.param == "kafka")


@pytest.fixture
def real(kafka: str, prefix: str) -> Settings:
    """Of the one with transactions."""
    return made(kafka, prefix)


def once(count: int, first: int = 0) -> Counter[str]:
    return Counter(f"e{n}" for n in range(first, count))


def test_the_next_process_goes_on(settings: Settings) -> None:
    """Two lives, one after the other, give each event once; the cursor says how far they came."""

    async def story() -> None:
        first = runner(settings, Scripted(count=40))
        await lived(first, lambda: first.sent == 40)
        source = Scripted(count=100)
        second = runner(settings, source)
        await lived(second, lambda: second.sent == 60)
        assert source.asked == [("a", "40")]
        assert await ids(settings) == once(100)
        cursor = (await cursor_log.read(settings))["scripted"]
        assert (cursor.cursor, cursor.events, cursor.ts) == ("100", 100, source.ts(99))

    run(story())


def test_connections_that_are_lost_cost_nothing(real: Settings) -> None:
    """One that gave something is taken up again where it was; one that gave nothing is tried elsewhere."""

    async def story() -> None:
        source = Scripted(count=60, lost={0: None, 20: None, 21: 0.3})
        one = runner(real, source)
        await lived(one, lambda: one.sent == 60)
        assert await ids(real) == once(60)
        assert source.asked == [("a", None), ("b", None), ("b", "20"), ("b", "21")]
        assert one.figures.errors == {"lost at 0": 1, "lost at 20": 1, "lost at 21": 1}

    run(story())


def test_a_silent_connection_is_given_up(real: Settings) -> None:
    """After as long as the source says, and what comes next comes from the next one."""

    async def story() -> None:
        source = Scripted(count=30, silent={10}, stall_s=0.2)
        one = runner(real, source)
        await lived(one, lambda: one.sent == 30)
        assert await ids(real) == once(30)
        assert one.figures.errors["silent for too long"] >= 1
        assert source.asked[1] == ("a", "10")

    run(story())


def test_the_later_of_two_goes_on(real: Settings) -> None:
    """The earlier ends at its next write and says why; nothing is there twice."""

    async def story() -> None:
        source = Scripted(count=30)
        first, second = runner(real, source), runner(real, Scripted(count=90))
        earlier = asyncio.create_task(first.run(asyncio.Event()))
        await until(lambda: first.sent == 30)

        async def more() -> None:
            source.count = 60
            with pytest.raises(LostPlace, match="another process has begun to feed from scripted"):
                await earlier

        await lived(second, lambda: second.sent == 60, more)
        assert await ids(real) == once(90)

    run(story())


def test_of_two_that_write_the_earlier_is_refused(real: Settings) -> None:
    """Its transaction is not there, nor its cursor."""

    async def story() -> None:
        source = Scripted()
        tail = Tail(encode(Cursor(source="scripted", cursor="1", at=1)))
        async with Outlet(real, "scripted") as earlier:
            await earlier.write([source.event(0)], tail)
            async with Outlet(real, "scripted") as later:
                await later.write([source.event(1)], Tail(encode(Cursor(source="scripted", cursor="2", at=2))))
                with pytest.raises(LostPlace, match="another process has begun to feed from scripted"):
                    await earlier.write([source.event(2)], tail)
            async with Outlet(real, "other") as other:
                await other.write([source.event(3)], Tail(encode(Cursor(source="other", cursor="1", at=3))))
        assert await ids(real) == {"e0": 1, "e1": 1, "e3": 1}
        assert {name: one.cursor for name, one in (await cursor_log.read(real)).items()} == {
            "scripted": "2",
            "other": "1",
        }

    run(story())


def test_a_kafka_that_goes_away_costs_nothing(real: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it did not take is asked for again, from the last cursor that it has; it is waited for."""
    write, times = Outlet.write, 0

    async def failing(self: Outlet, events: object, tail: object) -> None:
        nonlocal times
        times += 1
        if times == 2:
            raise DependencyDown("Kafka is not there")
        await write(self, events, tail)  # type: ignore[arg-type]

    monkeypatch.setattr(Outlet, "write", failing)
    monkeypatch.setattr(reading, "MOST_EVENTS", 20)

    async def story() -> None:
        source = Scripted(count=100)
        one = runner(real, source)
        await lived(one, lambda: one.sent == 100)
        assert await ids(real) == once(100)
        assert source.asked == [("a", None), ("a", "20")]
        assert one.figures.errors == {"Kafka is away": 1}

    run(story())


def test_a_source_that_is_faster_is_held_back(real: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more waits than the heap holds, while nothing can be written; then all arrives."""
    monkeypatch.setattr(reading, "MOST_EVENTS", 50)
    gate = asyncio.Event()
    write = Outlet.write

    async def slow(self: Outlet, events: object, tail: object) -> None:
        await gate.wait()
        await write(self, events, tail)  # type: ignore[arg-type]

    monkeypatch.setattr(Outlet, "write", slow)

    async def story() -> None:
        source = Scripted(count=1_000)
        one = runner(real, source)
        stop = asyncio.Event()
        life = asyncio.create_task(one.run(stop))
        held = -1
        while held != source.held or not held:
            held = source.held
            await asyncio.sleep(0.1)
        assert held <= 101  # one heap on its way, one full
        gate.set()
        await until(lambda: one.sent == 1_000)
        stop.set()
        await life
        assert await ids(real) == once(1_000)

    run(story())


def test_a_source_that_is_stopped_declares_a_gap_which_ends(settings: Settings) -> None:
    """It begins with the newest that was read; what somebody else has declared stays."""

    async def story() -> None:
        source = Scripted(count=10)
        first = runner(settings, source)
        await lived(first, lambda: first.sent == 10)
        (gap,) = await gaps(settings)
        assert (gap.since, gap.until, gap.by) == (source.ts(9), None, "declared")
        second = runner(settings, Scripted(count=20))
        stop = asyncio.Event()
        life = asyncio.create_task(second.run(stop))
        await until(lambda: second.sent == 10 and second.figures.gap is None)
        (gap,) = await gaps(settings)
        assert gap.until is not None
        stop.set()
        await life
        assert [one.until is None for one in await gaps(settings)] == [True, False]

    run(story())


def test_a_source_that_ends_by_itself_declares_none(real: Settings) -> None:
    """Nothing more was to come."""

    async def story() -> None:
        one = runner(real, Scripted(count=10, endless=False))
        await one.run(asyncio.Event())
        assert await ids(real) == once(10)
        assert await gaps(real) == []

    run(story())


def test_what_cannot_be_given_again_is_a_gap(real: Settings) -> None:
    """From the cursor to the first that came, once; the source goes on."""

    async def story() -> None:
        first = runner(real, Scripted(count=10, ago_ms=HOUR_MS))
        await lived(first, lambda: first.sent == 10)
        source = Scripted(count=3_700, oldest=1_000, ago_ms=HOUR_MS, each=100)
        second = runner(real, source)
        await lived(second, lambda: second.sent == 2_700 and second.figures.gap is None)
        assert await ids(real) == once(10) + once(3_700, 1_000)
        found = {(one.since, one.until) for one in await gaps(real)}
        assert (source.ts(10), source.ts(1_000)) in found

    run(story())


def test_a_gap_that_is_being_committed_is_not_forgotten(real: Settings) -> None:
    """What is said next of a network is said beside it, also while its transaction is still open."""

    async def story() -> None:
        now_ms = time.time_ns() // 1_000_000
        before, after = (now_ms - 4_000, now_ms - 3_000), (now_ms - 2_000, now_ms - 1_000)
        ahead = encode_policy(Gaps(network="t", gaps=(Gap(since=before[0], until=before[1]),)))
        producer = transactional_producer(real, f"{real.app}-other")
        await producer.start()
        try:
            async with producer.transaction():
                await producer.send_and_wait(real.topic(POLICIES.name), ahead[1], ahead[0], partition=0)
                saying = asyncio.create_task(declared(real, "t", [Missed(*after)], None, None, now_ms, again=True))
                await asyncio.wait({saying}, timeout=2.0)
                assert not saying.done()
            [(_, value)] = await saying
        finally:
            await producer.stop()
        assert [(gap["since"], gap["until"]) for gap in orjson.loads(value or b"")["gaps"]] == [after, before]

    run(story())


def test_a_source_that_cannot_go_back_has_a_gap_for_each_break(real: Settings) -> None:
    """From the last that came before to the first that came after."""

    async def story() -> None:
        source = Scripted(count=10, replays=False, ago_ms=20_000, lost={5: None})
        one = runner(real, source)
        await lived(one, lambda: one.sent == 10)
        assert (source.ts(4), source.ts(5)) in {(gap.since, gap.until) for gap in await gaps(real)}

    run(story())


def test_what_is_too_large_for_an_event_is_left_out(real: Settings) -> None:
    """The transaction is not lost by it."""

    class Large(Scripted):
        def event(self, n: int) -> object:  # type: ignore[override]
            one = super().event(n)
            return one._replace(value=b"x" * (MAX_EVENT_BYTES + 1)) if n == 3 else one

    async def story() -> None:
        one = runner(real, Large(count=10))
        await lived(one, lambda: one.sent == 9)
        assert await ids(real) == once(10) - Counter(["e3"])
        assert (await cursor_log.read(real))["scripted"].skipped == {reading.TOO_LARGE: 1}

    run(story())


def test_a_cursor_of_a_newer_version_is_not_overwritten(real: Settings) -> None:
    """Whoever cannot read it feeds nothing, and says where it stands."""

    async def story() -> None:
        key, value = encode(Cursor(source="scripted", cursor="1", at=1))
        async with Outlet(real, "x") as outlet:
            await outlet.write([], Tail((key, value.replace(b'"format":1', b'"format":2'))))
        with pytest.raises(CloutError, match=r"cursors\[0\]@0: a cursor of format 2; this version knows 1"):
            await runner(real, Scripted()).run(asyncio.Event())
        assert await ids(real) == {}

    run(story())


def test_no_kafka() -> None:
    """Said at once, with where it looked."""
    settings = Settings.load({}, kafka=f"127.0.0.1:{free_port()}")
    with pytest.raises(DependencyDown, match=settings.kafka):
        run(runner(settings, Scripted()).run(asyncio.Event()))


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (b"a", b"{}", "no cursor"),
        (b"a", b"\xff", "no cursor"),
        (b"b", encode(Cursor(source="a", cursor=None, at=1))[1], "under the key of another source"),
    ],
)
def test_broken_cursors(key: bytes, value: bytes, why: str) -> None:
    """Are refused, with the reason."""
    with pytest.raises(ValueError, match=why):
        decode(key, value)
