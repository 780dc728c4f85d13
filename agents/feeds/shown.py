"""How a live source stands, in Redis, for `clout status` and the API. Without Redis events arrive all the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from redis.exceptions import RedisError

from agents.feeds.standing import Figures
from streams.scoreboard.layout import Keys

log = logging.getLogger("clout.feed")

EVERY_S = 2.0
LAST_S = 2.0  #: so long a process that ends tries to say so
_encode = msgspec.json.Encoder().encode


class Shown:
    """Writes one field of one hash. A Redis that is gone is told once."""

    def __init__(self, client: Any, keys: Keys, figures: Figures, now_ms: Callable[[], float]) -> None:
        """`keys` of the first shard."""
        self._client, self._keys, self._figures, self._now_ms = client, keys, figures, now_ms
        self._lost = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Now."""
        standing = self._figures.standing(self._now_ms())
        try:
            await self._client.hset(self._keys.sources, standing.source, _encode(standing))
        except (RedisError, OSError) as error:
            if not self._lost:
                log.warning("redis does not take how the source stands; events arrive all the same: %s", error)
            self._lost = True
        else:
            self._lost = False

    async def last(self) -> None:
        """How it stands in the end; a Redis that does not answer is not waited for."""
        try:
            async with asyncio.timeout(LAST_S):
                await self.once()
        except TimeoutError:
            log.warning("redis does not answer: it says that the source is being read until it is read again")
