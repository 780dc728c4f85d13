"""`agents.feeds.feeder`: pace, order and back-pressure, also on the embedded broker."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.feeds import feeder as feeding
from agents.feeds.feeder import Feeder, feed
from agents.feeds.pace import LONGEST_CATCH_UP_S, TURN, Pace
from agents.local.embedded import free_port
from streams.broker.admin import Admin
from streams.errors import DependencyDown
from streams.settings import Settings
from streams.sources import Produced


def some(n: int) -> Iterator[Produced]:
    """Records of ten actors, numbered."""
    return (Produced("likes", b"t:a%d" % (i % 10), b"%d" % i, 0) for i in range(n))


def test_pace_never_runs_ahead() -> None:
    """At each moment no more has been given than the rate allows, and over time as much."""

    async def paced() -> tuple[int, float]:
        pace, given, began_s = Pace(2_000), 0, time.monotonic()
        while given < 600:
            given += await pace.turn()
            assert given <= (time.monotonic() - began_s) * 2_000 + 1
        return given, time.monotonic() - began_s

    given, took_s = asyncio.run(paced())
    assert took_s >= (given - 1) / 2_000


def test_pace_does_not_make_good_a_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a stop of ten seconds a feed goes on at its rate, with a small burst at most."""
    now_s = itertools.chain([0.0], itertools.repeat(10.0)).__next__

    async def after() -> int:
        pace = Pace(1_000, now_s)
        return await pace.turn()

    assert asyncio.run(after()) <= 1_000 * LONGEST_CATCH_UP_S


def test_order_and_back_pressure_on_the_embedded_broker(
    embedded_kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With little room a feed waits instead of piling up, and each key's records arrive in order, each once."""
    monkeypatch.setattr(feeding, "MOST_RECORDS", 300)
    settings = Settings.load({}, kafka=embedded_kafka, topic_prefix=prefix, partitions=2)
    with Admin(settings) as admin:
        admin.create()

    async def story() -> dict[bytes, list[int]]:
        most = 0
        async with Feeder(settings) as feeder:

            def look() -> None:
                nonlocal most
                most = max(most, feeder.sent - feeder.acked.total())

            assert await feed(feeder, some(3_000), on_turn=look) == 3_000
            assert (feeder.sent, feeder.acked, feeder.refused) == (3_000, {"likes": 3_000}, 0)
        assert most <= 300 + TURN
        return await read(embedded_kafka, settings.topic("likes"), 3_000)

    by_key = asyncio.run(story())
    assert by_key == {b"t:a%d" % k: list(range(k, 3_000, 10)) for k in range(10)}


async def read(kafka: str, topic: str, n: int) -> dict[bytes, list[int]]:
    """The numbers in the records of two partitions, by key."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", fetch_max_wait_ms=20)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    found: dict[bytes, list[int]] = {}
    while n > 0:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            n -= len(records)
            for record in records:
                found.setdefault(record.key, []).append(int(record.value))
    await consumer.stop()
    return found


def test_limit_and_until(embedded_kafka: str, prefix: str) -> None:
    """A feed ends after `limit` records or when told to, and takes nothing from the source that it does not send."""
    settings = Settings.load({}, kafka=embedded_kafka, topic_prefix=prefix, partitions=1)
    with Admin(settings) as admin:
        admin.create()

    async def story() -> None:
        async with Feeder(settings) as feeder:
            source = some(1_000)
            assert await feed(feeder, source, limit=7) == 7
            assert next(source).value == b"7"
            assert await feed(feeder, source, rate=1_000, until=lambda: feeder.sent >= 20) >= 13
            assert feeder.sent < 100

    asyncio.run(story())


def test_no_kafka() -> None:
    """Without a broker `start` says where it looked."""
    settings = Settings.load({}, kafka=f"127.0.0.1:{free_port()}")
    with pytest.raises(DependencyDown, match=settings.kafka):
        asyncio.run(Feeder(settings).start())
