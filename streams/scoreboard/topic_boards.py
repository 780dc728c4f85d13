"""Reading the boards of topics: who is engaged with most for what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from math import inf
from typing import Any, NamedTuple

from streams.model import versions
from streams.scoreboard.layout import Keys
from streams.scoreboard.shards import Shards


class Placed(NamedTuple):
    """Somebody on the board of a topic."""

    user: str
    place: float  #: see `streams.scoreboard.layout.place_of`

    def weight(self, now_ms: float, half_life_ms: float) -> float:
        """How much of their engagement for the topic is left at a moment; `half_life_ms` is that of the quarter window."""
        return float(2.0 ** (self.place - now_ms / half_life_ms))


def half_life_ms(pulses: Mapping[int, Mapping[str, Any]]) -> float:
    """Of what places are made with: the quarter window of the model that the partitions have."""
    models = [pulse["model"] for pulse in pulses.values() if "model" in pulse]
    return float((versions.model(models[0]) if models else versions.DEFAULT).half_lives_ms[-1])


class TopicBoards:
    """All shards' together."""

    def __init__(self, client: Any, shards: Shards) -> None:
        self._client, self._shards = client, shards

    async def topics(self, n: int) -> list[str]:
        """The n topics with the highest places, the highest first."""
        shards = await self._shards.each(
            lambda keys: self._client.zrange(keys.topics, 0, n - 1, desc=True, withscores=True)
        )
        best: dict[str, float] = {}
        for topic, place in chain.from_iterable(shards):
            best[topic.decode()] = max(place, best.get(topic.decode(), -inf))
        return sorted(best, key=lambda topic: (-best[topic], topic))[:n]

    async def top(self, topic: str, n: int) -> list[Placed]:
        """Who is engaged with most for a topic, the first n."""
        shards = await self._shards.each(
            lambda keys: self._client.zrange(keys.topic(topic), 0, n - 1, desc=True, withscores=True)
        )
        found = [Placed(user.decode(), place) for user, place in chain.from_iterable(shards)]
        return sorted(found, key=lambda one: (-one.place, one.user))[:n]

    async def ranks(self, user: str, home: Keys, topics: Sequence[str]) -> dict[str, int]:
        """The place of a user on the boards of these topics, 1 is the highest; where they have none, the topic is missing."""
        own = await asyncio.gather(*(self._client.zscore(home.topic(topic), user) for topic in topics))
        found = {}
        for topic, place in zip(topics, own, strict=True):
            if place is not None:
                found[topic] = 1 + await self._above(topic, place)
        return found

    async def _above(self, topic: str, place: float) -> int:
        return sum(await self._shards.each(lambda keys: self._client.zcount(keys.topic(topic), f"({place!r}", "+inf")))
