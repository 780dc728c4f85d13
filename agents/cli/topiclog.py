"""The latest records of a topic, read without a group and without leaving a trace."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.broker.allowed import denied
from streams.broker.diagnosis import down
from streams.broker.security import connection
from streams.errors import TopicMismatch
from streams.rights import READ
from streams.settings import Settings

_PATIENCE_S = 10.0  # a broker that answers at all sends the little that is asked for much faster
_LOOK_MS = 200


async def newest(settings: Settings, topic: str, n: int) -> list[Any]:
    """The last `n` records of a topic (base name) over all its partitions, by the time they were written, oldest first.

    Raises DependencyDown without a broker, TopicMismatch without the topic.
    """
    consumer = AIOKafkaConsumer(
        **connection(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=20,
    )
    try:
        await consumer.start()
        return await _read(consumer, settings.topic(topic), n)
    except (KafkaError, OSError) as error:
        if refused := denied(error, READ):
            raise refused from None
        said = f"Kafka at {settings.kafka} does not do what was asked ({type(error).__name__}: {error}); see `clout doctor`"
        raise await asyncio.to_thread(down, settings, said) from error
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
    filled = [tp for tp in partitions if ends[tp] > first[tp]]
    if not filled:
        return []
    consumer.assign(filled)
    for tp in filled:
        consumer.seek(tp, max(first[tp], ends[tp] - n))
    latest: dict[Any, list[Any]] = {tp: [] for tp in filled}
    until_s = time.monotonic() + _PATIENCE_S
    left = set(filled)
    while left and time.monotonic() < until_s:
        for tp, records in (await consumer.getmany(*left, timeout_ms=_LOOK_MS)).items():
            latest[tp] = (latest[tp] + records)[-n:]
        # the embedded broker says an end that is too low: what a fetch says is right
        left = {tp for tp in left if await consumer.position(tp) < max(ends[tp], consumer.highwater(tp) or 0)}
    records = [record for some in latest.values() for record in some]
    records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
    return records[-n:]
