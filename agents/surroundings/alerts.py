"""Alerts in Redis, the stream and the latest of each user, filled again from their topic when they were lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as BrokerError

from streams.broker import alert_log
from streams.broker.admin import Admin, Bounds
from streams.broker.logs import bounds
from streams.errors import CloutError
from streams.partition.figures import Figures
from streams.scoreboard.layout import ALERTS_A_USER, ALERTS_KEPT, shard_of
from streams.scoreboard.writer import Writer
from streams.settings import Settings
from streams.topics import ALERTS

log = logging.getLogger("clout.surroundings")

T = TypeVar("T")


class Kept:
    """Watches the alerts of those shards whose first partition is held here, so that one worker fills each."""

    def __init__(self, settings: Settings, writer: Writer) -> None:
        self._settings, self._writer = settings, writer
        self._least: dict[int, int] = {}  # by shard: as many the stream must have
        self._users: dict[int, int] = {}  # by shard: of so many users there must be some

    async def look(self, figures: Mapping[int, Figures]) -> None:
        """Fill what has fewer than at the look before, or has none at the first look."""
        for shard in range(self._settings.redis_shards):
            if shard not in figures:
                self._least.pop(shard, None)
                self._users.pop(shard, None)
                continue
            look = await self._writer.look(shard)
            self._least[shard] = await self._stream(shard, look.alerts)
            self._users[shard] = await self._latest(shard, look.alerted)

    async def _stream(self, shard: int, has: int) -> int:
        """How many the stream has, filled if it lacks some."""
        if has >= min(self._least.get(shard, 1), ALERTS_KEPT):
            return has
        alerts = await self._from_topic(shard, lambda logs: alert_log.latest(self._settings, logs, ALERTS_KEPT))
        filled = await self._writer.fill_alerts(shard, [(one.at, one.value) for one in alerts or ()])
        if filled > has:
            log.warning("redis had lost alerts: %d are there again, from the topic", filled)
        return max(filled, has)

    async def _latest(self, shard: int, has: int) -> int:
        """Of how many users there are some, filled if it lacks some."""
        if has >= self._users.get(shard, 1):
            return has
        alerts = await self._from_topic(shard, lambda logs: alert_log.by_user(self._settings, logs, ALERTS_A_USER))
        if alerts:
            await self._writer.fill_user_alerts(shard, alerts)
            log.warning(
                "redis had lost the latest alerts of users: those of %d are there again, from the topic", len(alerts)
            )
        return max(has, len(alerts or ()))

    async def _from_topic(self, shard: int, read: Callable[[Mapping[int, Bounds]], Awaitable[T]]) -> T | None:
        """What is read of the logs of a shard; None when Kafka does not give it."""

        def ends() -> dict[int, Bounds]:
            with Admin(self._settings) as admin:
                logs = bounds(self._settings, admin, ALERTS)
            return {number: at for number, at in logs.items() if shard_of(number, self._settings.redis_shards) == shard}

        try:
            return await read(await asyncio.to_thread(ends))
        except (CloutError, BrokerError, KafkaError) as error:
            log.warning("alerts cannot be filled again from their topic: %s", error)
            return None
