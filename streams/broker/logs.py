"""Where the partitions of one topic begin and end, for those who only look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.broker.admin import Admin, Bounds
from streams.broker.security import connection
from streams.broker.shown import check_shown
from streams.errors import TopicMismatch
from streams.settings import Settings
from streams.topics import Topic


def here(settings: Settings, topic: Topic) -> tuple[Settings, dict[int, Bounds]]:
    """The settings with the partitions that this topic really has, and where its logs begin and end.

    Raises DependencyDown without Kafka, TopicMismatch without the topic.
    """
    with Admin(settings) as admin:
        found = next(found for found in admin.find() if found.topic is topic)
    if not found.partitions:
        raise TopicMismatch(found.problem)
    settings = replace(settings, partitions=found.partitions)
    with Admin(settings) as admin:
        return settings, bounds(settings, admin, topic)


def bounds(settings: Settings, admin: Admin, topic: Topic) -> dict[int, Bounds]:
    """Where the partitions of a topic begin and end now."""
    return {number: at for (_, number), at in admin.bounds(topic).items() if number < settings.partitions}


async def since(settings: Settings, topic: Topic, logs: Mapping[int, Bounds], since_ms: int | None) -> dict[int, int]:
    """The first offset of each partition that can hold a record written at `since_ms` or later; None: of all there is."""
    if since_ms is None:
        return {number: log.first for number, log in logs.items()}
    consumer: Any = AIOKafkaConsumer(**connection(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        wanted = {TopicPartition(settings.topic(topic.name), number): since_ms for number in logs}
        await check_shown(consumer, wanted)
        found = await consumer.offsets_for_times(wanted)
    finally:
        await consumer.stop()
    return {tp.partition: logs[tp.partition].end if at is None else at.offset for tp, at in found.items()}
