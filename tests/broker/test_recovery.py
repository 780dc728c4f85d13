"""What a take-over reads from a real Kafka: the last committed value of every key, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from aiokafka import TopicPartition

from streams.broker.admin import Admin
from streams.broker.publisher import TransactionalPublisher, transactional_producer
from streams.broker.recovery import last_values, recover
from streams.broker.scan import Scan
from streams.errors import CloutError
from streams.formats import state
from streams.model.versions import DEFAULT
from streams.partition.recovered import Progress
from streams.settings import Settings
from streams.topics import STATE

Records = Iterable[tuple[bytes, bytes | None]]


@pytest.fixture
def settings(kafka: str, prefix: str) -> Settings:
    """Topics of two partitions."""
    made = Settings.load({}, kafka=kafka, topic_prefix=prefix, app=f"{prefix}app", partitions=2)
    with Admin(made) as admin:
        admin.create()
    return made


async def write(settings: Settings, number: int, *intervals: tuple[Records, bool]) -> None:
    """Transactions of (records, is it committed?)."""
    producer = transactional_producer(settings, settings.transactional_id(number))
    publisher = TransactionalPublisher(producer, settings.app)
    await publisher.start()
    try:
        for records, committed in intervals:
            await publisher.begin()
            await publisher.send(settings.topic(STATE.name), number, records)  # type: ignore[arg-type]
            if committed:
                await publisher.commit({})
            else:
                await publisher.abort()
    finally:
        await publisher.stop()
    # as whoever takes over: a commit is seen with its marker, and a successor starts when that is written
    async with transactional_producer(settings, settings.transactional_id(number)):
        pass


def test_the_last_committed_value_of_each_key(settings: Settings) -> None:
    """Later values win, aborted ones never were, a deleted key is gone; each partition by itself, however many batches."""
    many = [(b"dn:%d" % n, b"x" * 3_000) for n in range(2_000)]  # several batches and fetches
    told: list[Progress] = []

    async def run() -> dict[int, dict[bytes, bytes]]:
        first = [(b"h", b"1"), (b"dn:0", b"old"), (b"dn:gone", b"old")]
        await write(settings, 0, (first, True), ([(b"dn:0", b"aborted"), (b"dn:never", b"aborted")], False))
        await write(
            settings, 0, (many, True), ([(b"dn:gone", None), (b"h", b"2")], True), ([(b"h", b"aborted")], False)
        )
        await write(settings, 1, ([(b"gn:0", b"other")], True))
        return await last_values(settings, settings.topic(STATE.name), [0, 1], told.append)

    kept = asyncio.run(run())
    assert kept == {0: dict(many) | {b"h": b"2"}, 1: {b"gn:0": b"other"}}
    assert told[-1] == Progress(2_006, 0, 0.0)


def test_a_scan_begins_where_it_is_told(settings: Settings) -> None:
    """From an offset on, whatever came before; an empty partition is over at once."""

    async def run() -> list[bytes]:
        await write(settings, 0, ([(b"k", b"%d" % n) for n in range(10)], True), ([(b"k", b"last")], True))
        tp = TopicPartition(settings.topic(STATE.name), 0)
        seen = []
        async with Scan(settings, {tp: 11, tp._replace(partition=1): None}) as scan:
            assert await scan.left() == {tp: 2}  # with the marker of its transaction
            async for fetch in scan.fetches():
                seen += [record.value for batches in fetch.values() for batch in batches for record in batch]
        return seen

    assert asyncio.run(run()) == [b"last"]


def test_rows_without_a_header_are_damage(settings: Settings) -> None:
    """Rows nobody committed with a header stop the take-over and name the partition."""

    async def run() -> None:
        await write(settings, 1, ([(b"dn:ann", bytes(36))], True))
        await recover(settings, settings.topic(STATE.name), [0, 1], DEFAULT)

    with pytest.raises(CloutError, match="partition 1 of `state` has 1 rows and no header"):
        asyncio.run(run())


def test_a_header_of_another_window_is_refused(settings: Settings) -> None:
    """Sums kept with other half-lives cannot be read by this model."""
    header = state.Header(
        generation=3, version=1, now_ms=0, positions={}, clock=0, day=0, half_lives_ms=(1, 2, 3), counts={}
    )

    async def run() -> None:
        await write(settings, 0, ([state.header_record(header)], True))
        await recover(settings, settings.topic(STATE.name), [0], DEFAULT)

    with pytest.raises(CloutError, match="half-lives"):
        asyncio.run(run())
