"""Do the brokers show a client of aiokafka the partitions it is to read? If not, it would ask for their offsets for 40 s."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any

from aiokafka import TopicPartition

from streams.errors import NotAllowed, TopicMismatch
from streams.rights import READ, TOPIC, Right, told

_KNOWN_S = 10.0  # a broker hears of a new topic a moment after the others
_PAUSE_S = 0.1


async def check_readable(consumer: Any, topics: Collection[str]) -> None:
    """Raise NotAllowed that names the right for each of these topics that this user may not see."""
    client = consumer._client
    await client.set_topics(client._topics | set(topics))  # asks the brokers if one of them is new
    if hidden := client.cluster.unauthorized_topics.intersection(topics):
        raise NotAllowed(told([Right(TOPIC, name, READ) for name in sorted(hidden)]))


async def check_shown(consumer: Any, partitions: Collection[TopicPartition]) -> None:
    """Return once the client knows these partitions.

    Raises NotAllowed as `check_readable`, and TopicMismatch that names what is not there.
    """
    topics, until_s = {tp.topic for tp in partitions}, time.monotonic() + _KNOWN_S
    while True:
        await check_readable(consumer, topics)
        if not (missing := _missing(consumer._client.cluster, partitions)):
            return
        if time.monotonic() > until_s:
            raise TopicMismatch(f"not there: {', '.join(missing)}; `clout topics check` says how the topics should be")
        await asyncio.sleep(_PAUSE_S)
        await consumer._client.force_metadata_update()


def _missing(cluster: Any, partitions: Collection[TopicPartition]) -> list[str]:
    return [
        f"{topic}[{number}]"
        for topic, number in sorted(partitions)
        if number not in (cluster.partitions_for_topic(topic) or ())
    ]
