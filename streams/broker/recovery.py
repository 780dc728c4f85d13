"""Reading what a partition kept: all its records in `state`, in blocks, with progress."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.broker import state
from streams.broker.state import Header
from streams.errors import CloutError
from streams.model import windows
from streams.model.table import Counts, Table
from streams.model.versions import Model

log = logging.getLogger("clout.recovery")

_PROGRESS_S = 2.0
_LOADED_AT_ONCE = 5_000  # rows put into a table before the event loop gets a turn


class Progress(NamedTuple):
    """How far a take-over is."""

    records: int
    to_go: int
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
    kept: dict[int, dict[bytes, bytes]] = {number: {} for number in numbers}
    await _read(brokers, topic, kept, told)
    return {number: await _loaded(number, records, model) for number, records in kept.items()}


async def _read(
    brokers: str, topic: str, kept: dict[int, dict[bytes, bytes]], told: Callable[[Progress], None]
) -> None:
    """The latest value of every key of these partitions."""
    left = {TopicPartition(topic, number) for number in kept}
    if not left:
        return
    reader = AIOKafkaConsumer(
        bootstrap_servers=brokers.split(","),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4_194_304,
        fetch_max_wait_ms=50,
    )
    await reader.start()
    try:
        reader.assign(left)
        await reader.seek_to_beginning(*left)
        ends, firsts = await reader.end_offsets(left), await reader.beginning_offsets(left)
        total, read = sum(ends.values()) - sum(firsts.values()), 0
        began_s = said_s = time.monotonic()
        while left := {tp for tp in left if await reader.position(tp) < ends[tp]}:
            for tp, found in (await reader.getmany(*left, timeout_ms=200)).items():
                rows = kept[tp.partition]
                for record in found:
                    if record.value is None:
                        rows.pop(record.key, None)
                    else:
                        rows[record.key] = record.value
                read += len(found)
            now_s = time.monotonic()
            if now_s - said_s > _PROGRESS_S:
                said_s, to_go = now_s, max(total - read, 0)
                told(Progress(read, to_go, to_go * (now_s - began_s) / read if read else None))
        told(Progress(read, 0, 0.0))
    finally:
        await reader.stop()


async def _loaded(number: int, records: dict[bytes, bytes], model: Model) -> Recovered:
    table = Table(model)
    value = records.pop(state.HEADER, None)
    if value is None:
        if records:
            raise CloutError(f"partition {number} of `state` has {len(records)} rows and no header: it is damaged")
        return Recovered(table, None)
    header = state.read_header(value)
    if header.half_lives_ms != model.half_lives_ms:
        raise CloutError(
            f"the state was kept with half-lives {header.half_lives_ms} ms, model {model.name} has {model.half_lives_ms}"
        )
    table.clock, table.day = header.clock, header.day
    table.counts = Counts(**header.counts)
    table.landmarks = [windows.landmark(header.clock, life) for life in model.half_lives_ms]
    rows = list(records.items())
    for start in range(0, len(rows), _LOADED_AT_ONCE):
        state.load(table, rows[start : start + _LOADED_AT_ONCE])
        await asyncio.sleep(0)
    return Recovered(table, header)
