"""What a transaction costs: once for itself, and once more for every partition it touches, which gets a batch and a marker."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from statistics import median
from typing import Any

from agents.proof.bench.machine import cpu_s
from agents.proof.bench.servers import admin_client, log_bytes
from streams.broker.publisher import TransactionalPublisher, transactional_producer
from streams.settings import Settings
from streams.topics import SOURCES

_TOPIC = "touched"
MOST = 64  # partitions that one transaction touches, beside transactions that touch one
_WARM_UP, _ROUNDS = 2, 5  # in turn: the machine's speed drifts, and a JVM is slow at first
_VALUE = bytes(64)  # as a pack of one engagement

_KINDS = {"one": (1, False), "many": (MOST, False), "offsets": (1, True)}  # partitions touched, offsets told


def touches(settings: Settings, kafka_pid: int | None, count: int) -> dict[str, Any]:
    """CPU µs of client and broker, and bytes of log, from `count` transactions of each kind a round; medians of the rounds.

    `..._a_partition`: of one partition more, its batch of one small record and its marker. `..._offsets`: of telling the group
    the offsets of all sources of a partition. Differences that noise made negative are 0. The broker's CPU is None when its
    process is not ours.
    """
    topic = settings.topic(_TOPIC)
    with admin_client(settings) as client:
        client.create_topics({topic: {"num_partitions": MOST, "replication_factor": 1}}, wait_for_metadata=True)
    used = asyncio.run(_measure(settings, topic, kafka_pid, count))
    touched = count * (_WARM_UP + _ROUNDS) * sum(partitions for partitions, _ in _KINDS.values())

    def each(place: str, kind: str) -> float:
        return median(used[place, kind]) / count

    def split(place: str) -> dict[str, float | None]:
        one, a_partition = each(place, "one") * 1e6, (each(place, "many") - each(place, "one")) / (MOST - 1) * 1e6
        costs: dict[str, float | None] = {
            f"{place}_cpu_us": round(max(one - a_partition, 0.0), 1),
            f"{place}_cpu_us_a_partition": round(max(a_partition, 0.0), 2),
            f"{place}_cpu_us_offsets": round(max(each(place, "offsets") * 1e6 - one, 0.0), 1),
        }
        return costs if place == "worker" or kafka_pid else dict.fromkeys(costs)

    return {
        "transactions": count * _ROUNDS,
        "most_partitions": MOST,
        **split("worker"),
        **split("kafka"),
        "log_bytes_a_partition": round(log_bytes(settings, [topic])[topic] / touched, 1),
        **{f"{kind}_ms": round(each("wall", kind) * 1000, 2) for kind in _KINDS},
    }


async def _measure(
    settings: Settings, topic: str, kafka_pid: int | None, count: int
) -> dict[tuple[str, str], list[float]]:
    """Seconds of each round by place and kind."""
    name = f"{settings.app}-{_TOPIC}"
    publisher = TransactionalPublisher(transactional_producer(settings, name), name)

    def now_s() -> dict[str, float]:
        return {
            "wall": time.monotonic(),
            "worker": time.process_time(),
            "kafka": cpu_s(kafka_pid) if kafka_pid else 0.0,
        }

    used: dict[tuple[str, str], list[float]] = defaultdict(list)
    await publisher.start()
    try:
        for number in range(_WARM_UP + _ROUNDS):
            for kind in _KINDS:
                began = now_s()
                await _run(publisher, settings, topic, kind, count)
                for place, at_s in now_s().items() if number >= _WARM_UP else ():
                    used[place, kind].append(at_s - began[place])
    finally:
        await publisher.stop()
    return used


async def _run(publisher: TransactionalPublisher, settings: Settings, topic: str, kind: str, count: int) -> None:
    partitions, offsets = _KINDS[kind]
    positions = {(settings.topic(source.name), 0): 0 for source in SOURCES} if offsets else {}
    for _ in range(count):
        await publisher.begin()
        for number in range(partitions):
            await publisher.send(topic, number, [(None, _VALUE)])
        await publisher.commit(positions, last=offsets)
