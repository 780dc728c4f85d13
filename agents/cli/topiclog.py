"""The latest records of a topic, read without a group and without leaving a trace."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.errors import DependencyDown, TopicMismatch
from streams.settings import Settings

_PATIENCE_S = 10.0  # a broker that answers at all sends the little that is asked for much faster
_LOOK_MS = 200


async def newest(settings: Settings, topic: str, n: int) -> list[Any]:
    """The last `n` records of a topic (base name) over all its partitions, by the time they were written, oldest first.

    Raises DependencyDown without a broker, TopicMismatch without the topic.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.split(","),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=20,
    )
    try:
        await consumer.start()
        return await _read(consumer, settings.topic(topic), n)
    except (KafkaError, OSError) as error:
        raise DependencyDown(
            f"no Kafka at {settings.kafka} ({type(error).__name__}); start it or set CLOUT_KAFKA"
        ) from error
    finally:
        await consumer.stop()


async def _read(consumer: Any, name: str, n: int) -> list[Any]:
    # not consumer.partitions_for_topic: that knows subscribed topics only, and subscribing can create one
    known = await consumer._client.fetch_all_metadata()
    numbers = known.partitions_for_topic(name)
    if not numbers:
        raise TopicMismatch(f"topic {name} does not exist; create it with `clout topics create`")
    partitions = [TopicPartition(name, number) for number in sorted(numbers)]
    first, ends = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
    latest: dict[Any, list[Any]] = {tp: [] for tp in partitions}
    # Offsets are no records: markers of transactions, aborted records and compaction leave gaps. So each partition is read
    # further and further back, until `n` records are there or its beginning is reached.
    begin, stop, step = dict(ends), dict[Any, int](), n
    while open_ := [tp for tp in partitions if len(latest[tp]) < n and begin[tp] > first[tp]]:
        start = {tp: max(first[tp], begin[tp] - step) for tp in open_}
        for tp, records in (await _between(consumer, start, begin, stop, n)).items():
            latest[tp] = (records + latest[tp])[-n:]
        begin |= start
        stop, step = begin, step * 4
    records = [record for some in latest.values() for record in some]
    records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
    return records[-n:]


async def _between(
    consumer: Any, start: dict[Any, int], ends: dict[Any, int], stop: dict[Any, int], n: int
) -> dict[Any, list[Any]]:
    """The last `n` records of each partition from `start` to `stop`; without a `stop` to its end, at least to `ends`."""
    consumer.assign(list(start))
    for tp, offset in start.items():
        consumer.seek(tp, offset)
    found: dict[Any, list[Any]] = {tp: [] for tp in start}
    left, until_s = set(start), time.monotonic() + _PATIENCE_S
    while left and time.monotonic() < until_s:
        for tp, records in (await consumer.getmany(*left, timeout_ms=_LOOK_MS)).items():
            wanted = [record for record in records if record.offset < stop[tp]] if tp in stop else records
            found[tp] = (found[tp] + wanted)[-n:]
            until_s = time.monotonic() + _PATIENCE_S
        # the embedded broker says an end that is too low: what a fetch says is right
        reached = {tp: await consumer.position(tp) for tp in left}
        left = {tp for tp in left if reached[tp] < stop.get(tp, max(ends[tp], consumer.last_stable_offset(tp) or 0))}
    return found
