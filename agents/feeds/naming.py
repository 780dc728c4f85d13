"""What users are called goes from the topic `names` to Redis: whoever runs a live source sees to it, for all sources.

Redis says how far it has the topic, and moves on from there alone. So it does not matter who was killed where, how many write, or
that Redis has lost all: nothing is left out, and what was said last holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from streams.broker.name_log import NameLog, Told
from streams.errors import CloutError
from streams.partitioner import partition_of
from streams.scoreboard.called import Called
from streams.scoreboard.layout import Keys, shard_of
from streams.settings import Settings

log = logging.getLogger("clout.feed")

LOOK_MS = 500  #: so often it is seen whether Redis has lost them
_AGAIN_S = 2.0


def _wanted() -> bool:
    """Has nobody cancelled us? What is closed then may raise an error of its own, in which the cancellation is lost."""
    task = asyncio.current_task()
    return not (task and task.cancelling())


class Naming:
    """`run` follows the topic. A Kafka or a Redis that is gone is waited for, and told once; events are fed all the same."""

    def __init__(self, settings: Settings, client: Any) -> None:
        """`client` of Redis."""
        self._settings, self._called = settings, Called(client, settings.partitions, settings.redis_shards)
        self._shards = [Keys(settings.redis_prefix, shard) for shard in range(settings.redis_shards)]
        self._lost = False

    async def run(self) -> None:
        """Until cancelled."""
        while _wanted():
            try:
                async with NameLog(self._settings) as names:
                    while _wanted():
                        await self._follow(names)
            except (KafkaError, CloutError, RedisError, OSError) as error:
                if _wanted() and not self._lost:
                    log.warning("names do not get into Redis; they come when they can: %s", error)
                self._lost = True
                if _wanted():
                    await asyncio.sleep(_AGAIN_S)

    async def _follow(self, names: NameLog) -> None:
        """From where Redis is, until it is elsewhere."""
        end = await names.end()
        at = {keys: await self._at(keys, end) for keys in self._shards}
        position = min(begin or 0 for begin in at.values())
        names.seek(position)
        while _wanted():
            position, told = await names.more(LOOK_MS)
            of = self._by_shard(told)
            for keys, begin in at.items():
                new = [one.named for one in of.get(keys, ()) if begin is None or one.offset >= begin]
                end = max(position, begin or 0)
                if not await self._called.write(keys, begin, end, new):
                    return
                at[keys] = end
            self._lost = False

    async def _at(self, keys: Keys, end: int) -> int | None:
        """Where a shard is. One that is behind the end has another topic, which was of this name before: it begins anew."""
        begin = await self._called.at(keys)
        if begin is not None and begin > end:
            await self._called.forget(keys)
            return None
        return begin

    def _by_shard(self, told: Sequence[Told]) -> dict[Keys, list[Told]]:
        found: dict[Keys, list[Told]] = {}
        for one in told:
            shard = shard_of(partition_of(one.named.user, self._settings.partitions), len(self._shards))
            found.setdefault(self._shards[shard], []).append(one)
        return found
