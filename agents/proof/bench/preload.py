"""Filling the topics before a drain: record batches, keyed by actor, in the order given within each partition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaProducer

from agents.proof.bench.expected import Expected
from streams.broker.security import connection
from streams.partitioner import partition_of
from streams.settings import Settings
from streams.sources.record import Produced
from streams.sources.shape import Shape
from streams.sources.synthetic import Synthetic
from streams.topics import CONTROLS

KINDS = ("like", "share", "retweet", "follow")  # the four card topics
#: good events whose objects are just numbered: what has been measured with it stays comparable
SHAPE = replace(Shape().clean(), objects=False).only(*KINDS)
BATCH_BYTES = 65_536  # a busy producer's batches; Kafka's default is 16 KB, large feeds use 100 KB and more
_EVENT_TIME_RATE = 2_000.0  # events a second when they happened

Progress = Callable[[int], None]  # so many more


def synthetic(events: int, users: int) -> Iterator[Produced]:
    """Good events of the four card topics, their times ending now: a backlog as a worker finds it. Seeded."""
    span_ms = int(events / _EVENT_TIME_RATE * 1000)
    start_ms = int(time.time() * 1000) - span_ms
    return iter(
        Synthetic(
            seed=1,
            users=users,
            rate=_EVENT_TIME_RATE,
            start_ms=start_ms,
            shape=SHAPE,
            limit=events,
        )
    )


async def preload(
    settings: Settings, records: Iterator[Produced], fed: Progress, expected: Expected | None = None
) -> Expected:
    """Send all records; returns, once all are acknowledged, what must come out of them: `expected`, or a new one."""
    expected = expected or Expected()
    producer = AIOKafkaProducer(
        **connection(settings), acks="all", max_batch_size=BATCH_BYTES, max_request_size=4_000_000
    )
    await producer.start()
    try:
        open_: dict[tuple[str, int], Any] = {}
        sent: list[asyncio.Future[Any]] = []
        counted = 0
        for topic, key, value, ts in records:
            if topic == CONTROLS.name:
                expected.link(value)
            else:
                expected.add(value)
            place = settings.topic(topic), partition_of(key, settings.partitions)
            batch = open_.get(place) or open_.setdefault(place, producer.create_batch())
            if batch.append(key=key, value=value, timestamp=ts) is None:
                sent.append(await producer.send_batch(batch, place[0], partition=place[1]))
                batch = open_[place] = producer.create_batch()
                batch.append(key=key, value=value, timestamp=ts)
                fed(expected.events - counted)
                counted = expected.events
        for (topic, partition), batch in open_.items():
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)
        fed(expected.events - counted)
    finally:
        await producer.stop()
    return expected
