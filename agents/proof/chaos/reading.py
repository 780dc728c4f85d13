"""What is left behind: rows in `state`, records in `scores` and in Redis, and the logs that were fed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.proof.chaos.steady_feed import FeedFailed, Sent
from agents.proof.chaos.verdict import Record, latest, of_tables
from agents.proof.documents import Documents
from streams.broker.recovery import recover
from streams.broker.security import connection
from streams.model.table import Table
from streams.model.versions import Model
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from streams.topics import RECEIVED, SCORES, STATE


class Found(NamedTuple):
    """Everyone's record by place, and how often a version did not rise in `scores`; the rows, and what is told of their lists."""

    rows: dict[str, Record]
    redis: dict[str, Record]
    scores: dict[str, Record]
    versions_back: int
    tables: list[Table]
    told: Documents


async def found(settings: Settings, model: Model, as_of_ms: int) -> Found:
    """Read all three places, committed."""
    kept = await recover(settings, settings.topic(STATE.name), range(settings.partitions), model)
    tables = [one.table for one in kept.values()]
    for table in tables:
        table.days.closes_ms = settings.day_closes_ms
    published = [(record.key.decode(), orjson.loads(record.value)) async for record in records(settings, SCORES.name)]
    scores, back = latest(published)
    rows = of_tables(tables, as_of_ms)
    return Found(rows, await _shown(settings), scores, back, tables, await told(settings))


async def check_fed(settings: Settings, sent: list[Sent]) -> None:
    """Raise FeedFailed unless the event topics hold exactly what was sent, in order."""
    wanted: dict[tuple[str, int], list[bytes]] = {}
    for record, partition in sent:
        wanted.setdefault((settings.topic(record.topic), partition), []).append(record.value)
    held: dict[tuple[str, int], list[bytes]] = {}
    for topic in RECEIVED:
        async for record in records(settings, topic.name):
            held.setdefault((record.topic, record.partition), []).append(record.value)
    for place in wanted.keys() | held.keys():
        ours, theirs = wanted.get(place, []), held.get(place, [])
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), len(ours))
            raise FeedFailed(
                f"{place[0]}[{place[1]}] holds {len(theirs)} records, the feed sent {len(ours)}; the first difference is the "
                f"{at}th: producer or brokers lost or doubled it, this run says nothing about the workers"
            )


async def _shown(settings: Settings) -> dict[str, Record]:
    """Everyone's record in Redis."""
    client: Any = connect(settings)
    try:
        shown = await client.hgetall(Keys(settings.redis_prefix, 0).users)  # one shard
    finally:
        await client.aclose()
    return {user.decode(): orjson.loads(record) for user, record in shown.items()}


async def told(settings: Settings) -> Documents:
    """Topics, people and moments of everybody in Redis, and the boards of topics; of the first shard."""
    client, keys = connect(settings), Keys(settings.redis_prefix, 0)
    redis: Any = client
    try:
        documents = await redis.hgetall(keys.influence)
        topics = {name.decode(): place for name, place in await redis.zrange(keys.topics, 0, -1, withscores=True)}
        boards = {name: await redis.zrange(keys.topic(name), 0, -1, withscores=True) for name in topics}
    finally:
        await client.aclose()
    on_topic = {name: {user.decode(): place for user, place in board} for name, board in boards.items()}
    return Documents({user.decode(): text for user, text in documents.items()}, topics, on_topic)


async def records(settings: Settings, name: str, partitions: int = 0) -> AsyncIterator[Any]:
    """All committed records of a topic, partition by partition, in offset order; of so many partitions, 0: as many as all have."""
    parts = [TopicPartition(settings.topic(name), number) for number in range(partitions or settings.partitions)]
    consumer = AIOKafkaConsumer(
        **connection(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4_194_304,
    )
    await consumer.start()
    try:
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        for part in parts:
            while await consumer.position(part) < ends[part]:
                for record in (await consumer.getmany(part, timeout_ms=500)).get(part, []):
                    yield record
    finally:
        await consumer.stop()
