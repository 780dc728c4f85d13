"""Sending a few records to a topic that anybody may write to: controls and policies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from streams.broker.allowed import denied
from streams.broker.diagnosis import down
from streams.broker.publisher import plain_producer
from streams.rights import WRITE
from streams.settings import Settings
from streams.topics import POLICIES, Topic

_TOGETHER = 1_000  # on their way at once


async def send_policies(settings: Settings, records: Sequence[tuple[bytes, bytes | None]]) -> int:
    """Keys and values to `policies`; a null value removes. Returns and raises as `send`."""
    return await send(settings, POLICIES, 0, records)


async def send(settings: Settings, to: Topic, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> int:
    """Keys and values, in their order, over a connection of their own; until they are acknowledged. Returns the last offset.

    Raises DependencyDown when the broker has gone, NotAllowed when it denies this user the topic.
    """
    topic, arrived, offset = settings.topic(to.name), 0, -1
    producer = plain_producer(settings)
    try:
        await producer.start()
        try:
            for start in range(0, len(records), _TOGETHER):
                some = records[start : start + _TOGETHER]
                sent = [await producer.send(topic, value, key, partition=partition) for key, value in some]
                offset = (await asyncio.gather(*sent))[-1].offset
                arrived += len(sent)
        finally:
            await producer.stop()
    except (KafkaError, OSError) as error:
        said = f"Kafka at {settings.kafka} does not take the {to.name} ({type(error).__name__})"
        if len(records) > 1:
            said += f"; {arrived:,} of {len(records):,} have arrived: send all of it again, what has arrived changes nothing"
        if not_allowed := denied(error, WRITE, topic):
            raise not_allowed from None
        raise await asyncio.to_thread(down, settings, said) from None
    return offset
