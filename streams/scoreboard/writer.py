"""Writing to Redis: one Lua call for each chunk of a partition's changes, guarded by the partition's version.

How to hand the users over was measured: µs of CPU for each user, 500 users a call, 450-byte records, 120,000 users on
the board, Redis 7.0, one call in flight, a shared 2-core machine (`tests/scoreboard/bench_writer.py` runs some again):

    ========================================  ======  ======  =====
    users in                                  client  server  total
    ========================================  ======  ======  =====
    one ARGV item a value, tables in Lua         6.5     9.0   15.5
    one ARGV item a value, in final order        7.3     9.0   16.3
    MessagePack, [[user, score, record], ...]    2.2    10.2   12.4
    MessagePack, lists in final order            2.3     9.7   11.9
    ========================================  ======  ======  =====

so lists in the order that ZADD and HSET want them: redis-py packs each argument in Python, few arguments win. Half of
the server's time is ZADD's. A whole `write` (histogram and push batch too) costs the client 2.5-3 µs a user; with three
partitions in flight 80-165 thousand users/s were seen, depending on what else the machine did.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from itertools import chain
from typing import Any

import msgspec
import orjson
from redis.exceptions import NoScriptError

from streams.scoreboard.connect import AsyncRedis
from streams.scoreboard.flush import MAX_USERS, MAX_VERSION, Flush
from streams.scoreboard.layout import ALERTS_KEPT, CLOSES_KEPT, UPDATES_KEPT, Keys, shard_of


class Writer:
    """The only one who writes scores to Redis. Safe to call for several partitions at once, one call each at a time."""

    def __init__(self, client: AsyncRedis, prefix: str, shards: int, partitions: int) -> None:
        self._client: Any = client
        self._partitions = partitions
        self._keys = [Keys(prefix, shard) for shard in range(shards)]
        self._script = resources.files("streams.scoreboard").joinpath("flush.lua").read_text(encoding="utf-8")
        self._sha = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        self._pack = msgspec.msgpack.Encoder().encode

    async def write(self, flush: Flush) -> int:
        """Write one chunk; returns the version found before (0: none).

        Found `flush.after`, or without it anything below `flush.version`: everything is written. Found `flush.version`: an
        earlier attempt of this call got through. Anything else: nothing is written; another worker is ahead, or Redis has
        lost or restored something, and the caller writes the whole partition again.

        Raises redis.exceptions.RedisError when Redis is down, full or read-only: call again with the same flush,
        as often as it takes. Raises ValueError for a flush that no Redis could take.
        """
        call = self._call(flush)
        try:
            found = await self._client.evalsha(self._sha, *call)
        except NoScriptError:  # a new or restarted server, or SCRIPT FLUSH: EVAL loads it again
            found = await self._client.eval(self._script, *call)
        return int(found)

    async def version(self, partition: int) -> int:
        """The version that is shown of a partition now; 0: none, or one that nobody can read.

        Raises redis.exceptions.RedisError when Redis does not answer.
        """
        keys = self._keys[shard_of(partition, len(self._keys))]
        try:
            return int(orjson.loads(await self._client.hget(keys.pulse, str(partition)) or b"0")["version"])
        except (ValueError, TypeError, KeyError):
            return 0

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _call(self, flush: Flush) -> list[Any]:
        """Number of keys, the keys, the arguments: see the head of flush.lua. The client's hot loop."""
        day, closes = flush.closes or ("", [])
        if not 0 <= flush.partition < self._partitions:
            raise ValueError(f"partition {flush.partition}: there are {self._partitions}")
        if not 0 < flush.version < MAX_VERSION:
            raise ValueError(f"version {flush.version}: expected 1 to 2**53")
        if max(len(flush.users), len(closes), len(flush.bins)) > MAX_USERS:
            sizes = f"{len(flush.users)} users, {len(closes)} closes, {len(flush.bins)} bins"
            raise ValueError(f"{sizes}: at most {MAX_USERS} of each a call")
        scores: list[Any] = []
        records: list[Any] = []
        for user, score, record in flush.users:
            scores += (score, user)
            records += (user, str(record, "utf-8"))  # the MessagePack of Redis knows no bytes
        keys = self._keys[shard_of(flush.partition, len(self._keys))]
        spread = keys.spread(flush.partition)
        return [
            *(7, keys.board, keys.users, keys.history, spread, keys.updates, keys.pulse, keys.alerts),
            flush.partition,
            flush.version,
            orjson.dumps({**flush.pulse, "version": flush.version}),
            self._list(scores),
            self._list(records),
            self._list(list(chain.from_iterable(flush.bins.items()))),
            flush.updates or b"",
            day,
            # as JSON text: Lua would print 17 digits
            self._list([text for user, score in closes for text in (user, orjson.dumps(score).decode())]),
            self._list([str(alert, "utf-8") for alert in flush.alerts]),
            int(flush.anew),
            *(CLOSES_KEPT, UPDATES_KEPT, ALERTS_KEPT),
            "" if flush.after is None else flush.after,
        ]

    def _list(self, values: list[Any]) -> bytes:
        return self._pack(values) if values else b""
