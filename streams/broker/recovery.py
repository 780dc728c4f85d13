"""Reading what a partition kept: all its records in `state`, with progress; then its table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from aiokafka import TopicPartition

from streams.broker.scan import Scan
from streams.model.versions import Model
from streams.partition.recovered import Progress, Recovered, Rows, loaded
from streams.settings import Settings

_PROGRESS_S = 2.0


async def recover(
    settings: Settings,
    topic: str,
    numbers: Iterable[int],
    model: Model,
    told: Callable[[Progress], None] = lambda _: None,
) -> dict[int, Recovered]:
    """Read the `state` partitions to their ends; call it when their producers have fenced the predecessors, so ends are final.

    Raises CloutError for a state that this version or this model cannot read.
    """
    kept = await last_values(settings, topic, numbers, told)
    return {number: await loaded(number, kept[number], model) for number in list(kept)}


async def last_values(
    settings: Settings, topic: str, numbers: Iterable[int], told: Callable[[Progress], None] = lambda _: None
) -> dict[int, Rows]:
    """The last committed value of every key in these partitions. `told` hears how far it is every 2 s, and at the end."""
    kept: dict[int, Rows] = {number: {} for number in numbers}
    if not kept:
        return kept
    async with Scan(settings, {TopicPartition(topic, number): None for number in kept}) as scan:
        total, read = sum((await scan.left()).values()), 0
        began_s = said_s = time.monotonic()
        async for fetch in scan.fetches():
            for tp, batches in fetch.items():
                rows = kept[tp.partition]
                for batch in batches:
                    for record in batch:
                        value = record.value
                        if value is None:
                            rows.pop(record.key, None)
                        else:
                            rows[record.key] = value
                        read += 1
                await asyncio.sleep(0)  # a fetch of one partition: 4 MB, 20 ms
            now_s = time.monotonic()
            if now_s - said_s > _PROGRESS_S:
                said_s, to_go = now_s, sum((await scan.left()).values())
                told(Progress(read, to_go, to_go * (now_s - began_s) / max(total - to_go, 1)))
    told(Progress(read, 0, 0.0))
    return kept


async def ends(settings: Settings, topic: str, numbers: Iterable[int]) -> dict[int, int]:
    """The committed ends of these partitions."""
    async with Scan(settings, {TopicPartition(topic, number): None for number in numbers}) as scan:
        return {tp.partition: end for tp, end in scan.ends.items()}
