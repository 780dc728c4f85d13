"""Boards, page by page: the next users behind somebody, over all shards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from streams.scoreboard.layout import Keys
from streams.scoreboard.shards import Shards


class Listed(NamedTuple):
    """Somebody on a board. In the order of a board these fall: equal scores by name, as Redis has them."""

    score: float  #: as stored; on the board of a topic the place, see `streams.scoreboard.layout.place_of`
    user: str


class Boards:
    """All shards' together."""

    def __init__(self, client: Any, shards: Shards) -> None:
        self._client, self._shards = client, shards

    async def page(self, network: str | None, n: int, after: Listed | None = None) -> list[Listed]:
        """The n highest of the overall board or that of a network, or the n behind `after`, who need not be there any more."""
        return await self._page(lambda keys: keys.board if network is None else keys.board_of(network), n, after)

    async def topic(self, topic: str, n: int, after: Listed | None = None) -> list[Listed]:
        """The same of the board of a topic."""
        return await self._page(lambda keys: keys.topic(topic), n, after)

    async def _page(self, board: Callable[[Keys], str], n: int, after: Listed | None) -> list[Listed]:
        async def of(keys: Keys) -> list[Listed]:
            key = board(keys)
            start = await self._behind(key, after) if after else 0
            found = await self._client.zrange(key, start, start + n - 1, desc=True, withscores=True)
            return [Listed(score, user.decode()) for user, score in found]

        shards = await self._shards.each(of)
        return sorted((one for some in shards for one in some), reverse=True)[:n]

    async def _behind(self, key: str, after: Listed) -> int:
        """How many of a shard come before those behind `after`. Of equal scores, halved until it is known: log2 of them calls."""
        low, equal = await asyncio.gather(
            self._client.zcount(key, f"({after.score!r}", "+inf"),
            self._client.zcount(key, repr(after.score), repr(after.score)),
        )
        high = low + equal
        while low < high:
            middle = (low + high) // 2
            found = await self._client.zrange(key, middle, middle, desc=True)
            if found and found[0].decode() >= after.user:
                low = middle + 1
            else:
                high = middle
        return int(low)
