"""What users are called, in Redis: the topic `names` as two hashes a shard, and how far they have it. Workers have no part in it.

A display name of 17 bytes and a handle of 22, of a user of 40, take 248 bytes, and each record of the topic 11 us: 100,000 of both,
1,000 a call, Redis 7.0, a shared 2-core machine under load, 2026-11-30.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from streams.display_names import HANDLE, Named
from streams.scoreboard.layout import Keys
from streams.scoreboard.script import Script

_pack = msgspec.msgpack.Encoder().encode


def with_name(record: bytes | None, name: bytes | None) -> dict[str, Any] | None:
    """A stored record with `name`, where one is known; None where there is no record."""
    if record is None:
        return None
    found: dict[str, Any] = orjson.loads(record)
    if name is not None:
        found["name"] = name.decode(errors="replace")
    return found


def called(record: dict[str, Any]) -> dict[str, str]:
    """The name alone, of a record that has one."""
    return {"name": record["name"]} if "name" in record else {}


class Called:
    """Writes them. Methods raise redis.exceptions.RedisError when Redis is not there."""

    def __init__(self, client: Any, partitions: int, shards: int) -> None:
        self._client, self._script = client, Script(client, "names")
        self._spread = f"{partitions}/{shards}"  # with other numbers users are in other shards

    async def at(self, keys: Keys) -> int | None:
        """The offset up to which a shard has the topic; None: its names are to be written anew, from the topic's start."""
        found = await self._client.hget(keys.names_at, self._spread)
        return None if found is None else int(found)

    async def forget(self, keys: Keys) -> None:
        """A shard is to be written anew."""
        await self._client.delete(keys.names_at)

    async def write(self, keys: Keys, begin: int | None, end: int, names: Sequence[Named]) -> bool:
        """Bring a shard from one offset to another, with the names of its users that lie between, in their order.

        False: it is not at `begin` (any more), or has lost some, and nothing was written. None begins anew.
        """
        pairs = [one for named in names for one in (named.user, named.name or HANDLE * named.handle)]
        must_be = b"" if begin is None else b"%d" % begin
        found = await self._script(3, keys.names, keys.handles, keys.names_at, must_be, end, _pack(pairs), self._spread)
        return bool(found == must_be)
