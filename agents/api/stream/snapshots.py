"""Scores as they are now, for who begins to listen: of the users asked for, else of the highest."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.api.lately import Lately
from agents.api.leaders import Leaders
from agents.api.stream.filters import Filter
from streams.scoreboard.layout import MOST_ON_TOPIC, network_of
from streams.scoreboard.reader import score_at

MOST = 100
_AT_ONCE = 16  #: everybody comes back at once after a restart, and each read takes a connection


class Snapshots:
    """What is the same for many is read once a moment."""

    def __init__(self, leaders: Leaders) -> None:
        self._leaders, self._reader = leaders, leaders.reader
        self._lately, self._turns = Lately(), asyncio.Semaphore(_AT_ONCE)

    async def of(self, wanted: Filter, members: frozenset[str]) -> dict[str, Any]:
        """{"as_of", "items": [{"user", "score"}, ...]}; who is unknown is left out. Raises redis.exceptions.RedisError."""
        async with self._turns:
            now_ms = await self._lately.get("now", self._now_ms)
            if wanted.users is None:
                what = wanted.network, wanted.topic
                return await self._lately.get(what, lambda: self._highest(wanted, now_ms))
            users = [user for user in wanted.users if wanted.topic is None or user in members]
            return await self._some(sorted(users), now_ms)

    async def _now_ms(self) -> int:
        return self._leaders.now_ms(await self._reader.pulses())

    async def _highest(self, wanted: Filter, now_ms: int) -> dict[str, Any]:
        if wanted.topic is None:
            return _shown(await self._reader.top(MOST, now_ms, wanted.network), now_ms)
        placed = [one.user for one in await self._reader.topics.top(wanted.topic, MOST_ON_TOPIC)]
        network = wanted.network
        return await self._some(
            [user for user in placed if network is None or network_of(user) == network][:MOST], now_ms
        )

    async def _some(self, users: list[str], now_ms: int) -> dict[str, Any]:
        records = await self._reader.users(users)
        return _shown([score_at(record, now_ms) for record in records if record], now_ms)


def _shown(records: list[dict[str, Any]], now_ms: int) -> dict[str, Any]:
    items = [{"user": record["user"], "score": round(record["score"], 2)} for record in records]
    return {"as_of": now_ms, "items": items}
