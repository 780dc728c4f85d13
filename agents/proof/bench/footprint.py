"""What an event and a user leave behind in Kafka and Redis, and what limits a partition: `deploy/SIZING.md` is computed from it.

Clout alone drains one feed drawn from so many users that hardly anybody comes twice in an interval: the dear case. Bytes are
those of the logs before compaction, one replica.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any

from aiokafka import TopicPartition

from agents.proof.bench.clout import drain
from agents.proof.bench.comparison import Ground
from agents.proof.bench.filled_topics import stage
from agents.proof.bench.machine import cpu_s
from agents.proof.bench.servers import log_bytes, redis_cpu_s
from agents.proof.bench.transaction_cost import touches
from agents.proof.bench.workloads import synthetic
from streams.broker.scan import Scan
from streams.fold.rows import DAYS
from streams.model.table import Table
from streams.model.versions import DEFAULT
from streams.scoreboard.closes import text
from streams.scoreboard.connect import connect, connect_sync
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import Keys
from streams.scoreboard.writer import Writer
from streams.settings import Settings
from streams.sources.record import Produced
from streams.topics import ALL, EVENTS, STATE

_INTERNAL = ("__consumer_offsets", "__transaction_state")
_CLOSED_USERS = 1_000  # whose history is filled
_MOST_GROWN = 1_500_000  # users of the one partition that grows
_PAUSE_MS = 5.0  # shorter ones are not told


def footprint(ground: Ground) -> dict[str, Any]:
    """See above. The broker's CPU is None when the broker is not our own."""
    sizes, pid = ground.sizes, ground.running.kafka_pid
    users, before_s = max(sizes.populations), math.nan

    def records(events: int) -> Iterator[Produced]:
        nonlocal before_s
        before_s = _cpu_s(pid)  # not before: the topics are there now
        return synthetic(users)(events)

    with stage(ground.running, records, sizes.extra_events, ground.show) as filled:
        fed_s = _cpu_s(pid) - before_s
        settings = ground.fresh(filled)
        before = log_bytes(settings, _INTERNAL)
        with ground.show.bar(f"clout drains {sizes.extra_events:,}", sizes.extra_events) as bar:
            drained = drain(settings, ground.running, filled.fold, bar)
        after = log_bytes(settings, _INTERNAL)
        topics = asyncio.run(_topics(settings, sizes.extra_events))
        ground.show.say("what Redis keeps, what a transaction costs, how a table grows")
        return {
            "drawn_from": users,
            "partitions": settings.partitions,
            **drained,
            "kafka_cpu_us_per_event_fed": round(fed_s / sizes.extra_events * 1e6, 2) if pid else None,
            "topics": topics,
            "transactions": _transactions(settings, topics, drained["wall_s"]),
            "internal_bytes": {name: after[name] - before[name] for name in _INTERNAL},
            "redis": _redis(settings, drained, list(filled.fold.users)[:_CLOSED_USERS]),
            "touches": touches(settings, pid, 2 if sizes.quick else 100),
            "pauses": pauses(min(users, _MOST_GROWN)),
        }


def _cpu_s(pid: int | None) -> float:
    return cpu_s(pid) if pid else 0.0


async def _topics(settings: Settings, events: int) -> dict[str, dict[str, Any]]:
    """Each topic of the registry that holds something; the event topics together, as `events`. Markers take an offset each."""
    sizes = log_bytes(settings, {settings.topic(topic.name) for topic in ALL})
    sums: dict[str, Counter[str]] = {}
    for topic in ALL:
        name = settings.topic(topic.name)
        records = markers = 0
        numbers = range(topic.partitions or settings.partitions)
        async with Scan(settings, {TopicPartition(name, n): None for n in numbers}) as scan:
            async for fetch in scan.fetches():
                records += sum(1 for batches in fetch.values() for batch in batches for _ in batch)
            markers = sum(scan.ends.values()) - sum(scan.firsts.values()) - records
        if sizes[name]:
            kind = "events" if topic in EVENTS else topic.name
            sums.setdefault(kind, Counter()).update(records=records, markers=markers, bytes=sizes[name])
    return {
        name: {
            **one,
            "bytes_per_event": round(one["bytes"] / events, 1),
            "bytes_per_record": round(one["bytes"] / one["records"], 1),
            "records_per_event": round(one["records"] / events, 3),
        }
        for name, one in sums.items()
        if one["records"]
    }


def _transactions(settings: Settings, topics: dict[str, dict[str, Any]], wall_s: float) -> dict[str, Any]:
    """Every transaction writes its header to `state`: there are as many as that has markers. Offsets of the group left out."""
    count, markers = topics[STATE.name]["markers"], sum(topic["markers"] for topic in topics.values())
    return {
        "count": count,
        "per_s": round(count / wall_s, 2),
        "markers": markers,
        "partitions_touched": round(markers / count, 2),
        "interval_s": round(wall_s * settings.partitions / count, 3),
    }


def _redis(settings: Settings, drained: dict[str, Any], some: list[str]) -> dict[str, Any]:
    """Bytes a user as Redis counts them, without its base; what a full history adds, and what writing one costs."""
    with connect_sync(settings) as redis:
        shards = [Keys(settings.redis_prefix, shard) for shard in range(settings.redis_shards)]
        used = {
            name: sum(redis.memory_usage(getattr(keys, name), samples=0) or 0 for keys in shards)
            for name in ("users", "board", "search", "ids", "updates")
        }
        for keys in shards:
            for network in redis.hkeys(keys.networks):
                used["board"] += redis.memory_usage(keys.board_of(network.decode()), samples=0) or 0
        before_s, prefix = redis_cpu_s(redis), f"{settings.redis_prefix}-closes"
        asyncio.run(_fill_history(settings, prefix, some))
        closes_s = redis_cpu_s(redis) - before_s
        history = redis.memory_usage(Keys(prefix, 0).history, samples=0) or 0
    return {
        "bytes_per_user": round((sum(used.values()) - used["updates"]) / drained["users"], 1),
        "updates_bytes": used["updates"],
        "cpu_us_per_record": round(drained["redis_cpu_us_per_event"] * drained["events"] / drained["score_records"], 2),
        "history_bytes_per_user": round(history / len(some), 1),
        "cpu_us_per_close": round(closes_s / (DAYS * len(some)) * 1e6, 2),
    }


async def _fill_history(settings: Settings, prefix: str, users: list[str]) -> None:
    writer, dice = Writer(connect(settings), prefix, 1, 1), Random(1)
    try:
        closes = list(accumulate((dice.randint(-50, 50) for _ in range(DAYS - 1)), initial=4_000))
        for version in range(1, DAYS + 1):
            await writer.write(Flush(0, version, {}, closes=[(user, text(20_000, closes, {})) for user in users]))
    finally:
        await writer.close()


def pauses(users: int) -> dict[str, Any]:
    """Each addition of a user to one table growing to `users` that kept its thread longer, in CPU ms, than all before it."""
    table, longer, longest_ms = Table(DEFAULT), [], _PAUSE_MS
    gc.collect()
    gc.freeze()  # as a worker does once it has its partitions
    try:
        for number in range(1, users + 1):
            name, began_s = f"bench:user-{number:08d}", time.thread_time()
            table.slot(name)
            took_ms = (time.thread_time() - began_s) * 1000
            if took_ms > longest_ms:
                longest_ms = took_ms
                longer.append({"users": number, "cpu_ms": round(took_ms, 1)})
    finally:
        gc.unfreeze()
    return {"grown_to": users, "each_longer": longer}
