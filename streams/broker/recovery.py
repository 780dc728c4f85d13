"""Reading what a partition kept: all its records in `state`, with progress; then its table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from aiokafka import TopicPartition

from streams.broker import state
from streams.broker.scan import Scan
from streams.broker.state import Header
from streams.errors import CloutError
from streams.model import assess, days, windows
from streams.model.table import PUBLISHED, Counts, Table
from streams.model.versions import Model

_PROGRESS_S = 2.0
_LOADED_AT_ONCE = 5_000  # rows put into a table before the event loop gets a turn: 10 ms

Rows = dict[bytes, bytes]  #: the last value of each key


class Progress(NamedTuple):
    """How far a take-over is."""

    records: int  #: read so far
    to_go: int  #: at most so many more: what compaction and transactions left out counts until it has been passed
    seconds_left: float | None


class Recovered(NamedTuple):
    """A partition as it was at its last commit; `header` is None if it never had one."""

    table: Table
    header: Header | None


async def recover(
    brokers: str,
    topic: str,
    numbers: Iterable[int],
    model: Model,
    told: Callable[[Progress], None] = lambda _: None,
) -> dict[int, Recovered]:
    """Read the `state` partitions to their ends; call it when their producers have fenced the predecessors, so ends are final.

    Raises CloutError for a state that this version or this model cannot read.
    """
    kept = await last_values(brokers, topic, numbers, told)
    return {number: await loaded(number, kept[number], model) for number in list(kept)}


async def last_values(
    brokers: str, topic: str, numbers: Iterable[int], told: Callable[[Progress], None] = lambda _: None
) -> dict[int, Rows]:
    """The last committed value of every key in these partitions. `told` hears how far it is every 2 s, and at the end."""
    kept: dict[int, Rows] = {number: {} for number in numbers}
    if not kept:
        return kept
    async with Scan(brokers, {TopicPartition(topic, number): None for number in kept}) as scan:
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


async def ends(brokers: str, topic: str, numbers: Iterable[int]) -> dict[int, int]:
    """The committed ends of these partitions."""
    async with Scan(brokers, {TopicPartition(topic, number): None for number in numbers}) as scan:
        return {tp.partition: end for tp, end in scan.ends.items()}


async def loaded(number: int, rows: Rows, model: Model) -> Recovered:
    """The table of these rows; `rows` is empty afterwards, so that memory holds each of them once."""
    table = Table(model)
    value = rows.pop(state.HEADER, None)
    if value is None:
        if rows:
            raise CloutError(f"partition {number} of `state` has {len(rows)} rows and no header: it is damaged")
        return Recovered(table, None)
    header = state.read_header(value)
    if header.half_lives_ms != model.half_lives_ms:
        raise CloutError(
            f"the state was kept with half-lives {header.half_lives_ms} ms, model {model.name} has {model.half_lives_ms}"
        )
    table.clock, table.day = header.clock, header.day
    table.counts = Counts(**header.counts)
    table.landmarks = [windows.landmark(header.clock, life) for life in model.half_lives_ms]
    while rows:
        state.load(table, [rows.popitem() for _ in range(min(len(rows), _LOADED_AT_ONCE))], header.format)
        await asyncio.sleep(0)
    if header.closed:  # a row kept before the last midnight has an older close, and nothing has happened to it since
        older = np.flatnonzero(table.cells[: len(table), PUBLISHED] < header.closed)
        for start in range(0, len(older), assess.SLICE):
            days.close_again(table, older[start : start + assess.SLICE])
            await asyncio.sleep(0)
    return Recovered(table, header)
