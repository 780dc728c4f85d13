"""The topic `deliveries` for people: what waits and what is dead, and records that change it. No process of a group is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.broker import logs as of_topic
from streams.broker.allowed import denied
from streams.broker.diagnosis import down
from streams.broker.publisher import plain_producer
from streams.broker.scan import Scan
from streams.formats.deliveries import Delivery, Off, decode
from streams.rights import WRITE
from streams.settings import Settings
from streams.topics import DELIVERIES

_TOGETHER = 1_000  # on their way at once


class Kept(NamedTuple):
    """The latest record of a delivery."""

    partition: int
    one: Delivery


class Deliveries(NamedTuple):
    """What the topic comes to."""

    settings: Settings  #: with the partitions that the topic really has
    kept: dict[bytes, Kept]  #: by key, in the order in which they were written
    off: dict[str, int]  #: channels that their receivers have switched off, and their partitions
    refused: int  #: records that nobody understands, or of a newer version

    def of(self, state: str, channel: str | None = None) -> list[Kept]:
        """Those of a state; of one channel."""
        return [one for one in self.kept.values() if one.one.state == state and channel in (None, one.one.channel)]


async def read(settings: Settings) -> Deliveries:
    """All there is now. Raises DependencyDown without Kafka, TopicMismatch without the topic, NotAllowed."""
    settings, logs = await asyncio.to_thread(of_topic.here, settings, DELIVERIES)
    topic, refused = settings.topic(DELIVERIES.name), 0
    found: dict[bytes, Kept] = {}
    off: dict[str, int] = {}
    begins = {TopicPartition(topic, number): log.first for number, log in logs.items() if log.first < log.committed}
    if not begins:
        return Deliveries(settings, found, off, refused)
    async with Scan(settings, begins) as scan:
        async for fetch in scan.fetches():
            for tp, batches in fetch.items():
                for record in (record for batch in batches for record in batch):
                    key = record.key or b""
                    found.pop(key, None)  # the latest stand last
                    off.pop(key.decode(errors="replace"), None)
                    if record.value is None:
                        continue
                    try:
                        one = decode(key, record.value)
                    except ValueError:
                        refused += 1
                        continue
                    if isinstance(one, Off):
                        off[one.channel] = tp.partition
                    else:
                        found[key] = Kept(tp.partition, one)
    return Deliveries(settings, found, off, refused)


async def send(settings: Settings, records: Sequence[tuple[int, bytes, bytes | None]]) -> None:
    """Partition, key and value of each, in their order, until they are acknowledged. Raises DependencyDown, NotAllowed."""
    topic, producer = settings.topic(DELIVERIES.name), plain_producer(settings)
    try:
        await producer.start()
        try:
            for start in range(0, len(records), _TOGETHER):
                sent = [
                    await producer.send(topic, value, key, partition=number)
                    for number, key, value in records[start : start + _TOGETHER]
                ]
                await asyncio.gather(*sent)
        finally:
            await producer.stop()
    except (KafkaError, OSError) as error:
        if not_allowed := denied(error, WRITE, topic):
            raise not_allowed from None
        said = f"Kafka at {settings.kafka} does not take changes of deliveries ({type(error).__name__})"
        raise await asyncio.to_thread(down, settings, said) from None
