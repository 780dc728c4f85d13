"""Who is on the boards of topics that somebody listens to, read again every few seconds for all of them together."""

from __future__ import annotations

import asyncio
from collections import Counter

from redis.exceptions import RedisError

from streams.scoreboard.layout import MOST_ON_TOPIC
from streams.scoreboard.topic_boards import TopicBoards

AGAIN_S = 5.0


class Topics:
    """The 1,000 highest of each. `run` reads them again."""

    def __init__(self, boards: TopicBoards) -> None:
        self._boards = boards
        self._held: Counter[str] = Counter()
        self._members: dict[str, frozenset[str]] = {}

    def hold(self, topic: str | None) -> None:
        """One more listens to it."""
        if topic is not None:
            self._held[topic] += 1

    def release(self, topic: str | None) -> None:
        """One fewer; what nobody listens to is forgotten."""
        if topic is None:
            return
        self._held[topic] -= 1
        if not self._held[topic]:
            del self._held[topic]
            self._members.pop(topic, None)

    def members(self, topic: str | None) -> frozenset[str]:
        """As they were read last."""
        return self._members.get(topic or "", frozenset())

    async def known(self, topic: str | None) -> None:
        """Return when they have been read. Raises redis.exceptions.RedisError."""
        if topic is not None and topic not in self._members:
            await self._read(topic)

    async def run(self) -> None:
        """For ever; while Redis does not answer they stay as they are."""
        while True:
            await asyncio.sleep(AGAIN_S)
            for topic in list(self._held):
                try:
                    await self._read(topic)
                except (RedisError, OSError):
                    break

    async def _read(self, topic: str) -> None:
        members = frozenset(one.user for one in await self._boards.top(topic, MOST_ON_TOPIC))
        if topic in self._held:
            self._members[topic] = members
