"""The stream of alerts in Redis, filled again from its topic when it was lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import orjson
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as BrokerError

from streams.broker.admin import Admin
from streams.broker.scan import Scan
from streams.errors import CloutError
from streams.partition.figures import Figures
from streams.scoreboard.layout import ALERTS_KEPT, shard_of
from streams.scoreboard.writer import Writer
from streams.settings import Settings
from streams.topics import ALERTS

log = logging.getLogger("clout.surroundings")


class Kept:
    """Watches the streams of those shards whose first partition is held here, so that one worker fills each."""

    def __init__(self, settings: Settings, writer: Writer) -> None:
        self._settings, self._writer = settings, writer
        self._least: dict[int, int] = {}  # by shard: as many there must be

    async def look(self, figures: Mapping[int, Figures]) -> None:
        """Fill each stream that has fewer alerts than at the look before, or has none at the first look."""
        for shard in range(self._settings.redis_shards):
            if shard not in figures:
                self._least.pop(shard, None)
                continue
            has = (await self._writer.look(shard)).alerts
            if has < min(self._least.get(shard, 1), ALERTS_KEPT):
                try:
                    alerts = await latest(self._settings, shard)
                except (CloutError, BrokerError, KafkaError) as error:
                    log.warning("alerts cannot be filled again from their topic: %s", error)
                    alerts = []
                filled = await self._writer.fill_alerts(shard, alerts)
                if filled > has:
                    log.warning("redis had lost alerts: %d are there again, from the topic", filled)
                has = max(filled, has)
            self._least[shard] = has


async def latest(settings: Settings, shard: int) -> list[tuple[int, bytes]]:
    """The latest alerts in the topic for the users of a shard: when (ms), and the JSON; oldest first."""

    def ends() -> dict[TopicPartition, tuple[int, int]]:
        with Admin(settings) as admin:
            bounds = admin.bounds(ALERTS)
        return {
            TopicPartition(settings.topic(ALERTS.name), number): (at.first, at.committed)
            for (_, number), at in bounds.items()
            if shard_of(number, settings.redis_shards) == shard
        }

    logs = {tp: log for tp, log in (await asyncio.to_thread(ends)).items() if log[0] < log[1]}
    alerts: list[tuple[int, bytes]] = []
    width = 2 * ALERTS_KEPT  # markers take offsets, too
    begins: dict[TopicPartition, int] = {}
    while len(alerts) < ALERTS_KEPT and begins != (
        wider := {tp: max(first, end - width) for tp, (first, end) in logs.items()}
    ):
        begins, alerts, width = wider, [], width * 8
        async with Scan(settings, begins) as scan:
            async for fetch in scan.fetches():
                for batches in fetch.values():
                    alerts += [
                        (_at(record.value), record.value) for batch in batches for record in batch if record.value
                    ]
    return sorted(alerts)[-ALERTS_KEPT:]


def _at(value: bytes) -> int:
    body: Any = orjson.loads(value)
    return int(body["at"])
