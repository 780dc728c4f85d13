"""Saying rules: records of `policies`, as `clout rule add --file` sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from streams.broker.publisher import plain_producer
from streams.model.rules import Rule
from streams.policies.records import encode
from streams.settings import Settings
from streams.topics import POLICIES


def say(settings: Settings, rules: Iterable[Rule]) -> None:
    """Write these to `policies`, in their order; returns when they are there."""

    async def send() -> None:
        producer: Any = plain_producer(settings)
        await producer.start()
        try:
            records = [encode(rule) for rule in rules]
            topic = settings.topic(POLICIES.name)
            await asyncio.gather(*[await producer.send(topic, value, key, partition=0) for key, value in records])
        finally:
            await producer.stop()

    asyncio.run(send())
