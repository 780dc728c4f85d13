"""Reading the daily closes of many users at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Any

import orjson

from streams.model.explained import Close
from streams.partitioner import partition_of
from streams.scoreboard import closes
from streams.scoreboard.layout import Keys
from streams.scoreboard.shards import Shards

A_CALL = 50  #: users: 90 closes of each take a while to make, and others wait for the loop


class Pasts:
    """All shards' together."""

    def __init__(self, client: Any, shards: Shards, partitions: int) -> None:
        self._client, self._shards, self._partitions = client, shards, partitions

    async def closes(self, users: Sequence[str]) -> dict[str, list[Close]]:
        """Those of each user who is known, oldest first, at most 90, as `Reader.past` has them."""
        wanted = self._shards.by_shard(users)
        some = await self._shards.each(lambda keys: self._of(keys, wanted[keys]), wanted)
        return dict(chain.from_iterable(found.items() for found in some))

    async def _of(self, keys: Keys, users: Sequence[str]) -> dict[str, list[Close]]:
        found: dict[str, list[Close]] = {}
        said = await self._client.hgetall(keys.pulse)
        pulses = {int(partition): orjson.loads(pulse) for partition, pulse in said.items()}
        for start in range(0, len(users), A_CALL):
            some = users[start : start + A_CALL]
            records, kept = await asyncio.gather(
                self._client.hmget(keys.users, some), self._client.hmget(keys.history, some)
            )
            for user, record, history in zip(some, records, kept, strict=True):
                if record:
                    pulse = pulses.get(partition_of(user, self._partitions))
                    known = orjson.loads(history) if history else None
                    found[user] = closes.whole(orjson.loads(record), known, pulse)
        return found
