"""Writing to Redis: one Lua call for each chunk of a partition's changes, guarded by the partition's version.

How to hand the users over was measured, packed in Python: µs of CPU for each user, 500 users a call, 450-byte records, 120,000
users on the board, Redis 7.0, one call in flight, a shared 2-core machine (`tests/scoreboard/bench_writer.py` runs some again):

    ========================================  ======  ======  =====
    users in                                  client  server  total
    ========================================  ======  ======  =====
    one ARGV item a value, tables in Lua         6.5     9.0   15.5
    one ARGV item a value, in final order        7.3     9.0   16.3
    MessagePack, [[user, score, record], ...]    2.2    10.2   12.4
    MessagePack, lists in final order            2.3     9.7   11.9
    ========================================  ======  ======  =====

so lists in the order that ZADD and HSET want them: redis-py packs each argument in Python, few arguments win. Half of
the server's time is ZADD's. The lists come ready from `streams.scoreboard.changes`, packed by a kernel; one that is for the overall
board and a network's goes once. The second board costs the server half as much again (60,000 users, each one's place written).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import orjson

from streams.model.rules import Rule
from streams.scoreboard import user_alerts
from streams.scoreboard.connect import AsyncRedis
from streams.scoreboard.flush import MAX_USERS, MAX_VERSION, Flush, Look
from streams.scoreboard.layout import (
    ALERTS_A_USER,
    ALERTS_KEPT,
    MOST_NETWORKS,
    MOST_ON_TOPIC,
    MOST_TOPICS,
    UPDATES_KEPT,
    Keys,
    network_of,
    shard_of,
)
from streams.scoreboard.names import entries, numeric_id
from streams.scoreboard.script import Script

_encode = msgspec.json.Encoder().encode
FILLED_A_CALL = 50  #: users whose alerts are filled again at once, 30 KB each at most


class Writer:
    """The only one who writes scores to Redis. Safe to call for several partitions at once, one call each at a time."""

    def __init__(self, client: AsyncRedis, prefix: str, shards: int, partitions: int, app: str = "clout") -> None:
        """`app`: the name of the application, with which numeric ids are keyed."""
        self._client: Any = client
        self._app = app
        self._partitions = partitions
        self._keys = [Keys(prefix, shard) for shard in range(shards)]
        scripts = (Script(client, name) for name in ("flush", "look", "lacking", "probe", "alerts", "user_alerts"))
        self._flush, self._look, self._lacking, self._probe, self._alerts, self._user_alerts = scripts
        self._networks: dict[Keys, list[str]] = {}  # that had a board in a shard at the last look
        self._pack = msgspec.msgpack.Encoder().encode

    async def write(self, flush: Flush) -> int:
        """Write one chunk; returns the version found before (0: none).

        Found `flush.after`, or without it anything below `flush.version`: everything is written. Found `flush.version`: an
        earlier attempt of this call got through. Anything else: nothing is written; another worker is ahead, or Redis has
        lost or restored something, and the caller writes the whole partition again.

        Raises redis.exceptions.RedisError when Redis is down, full or read-only: call again with the same flush,
        as often as it takes. Raises ValueError for a flush that no Redis could take.
        """
        return int(await self._flush(*self._call(flush)))

    async def look(self, partition: int) -> Look:
        """What Redis has of a partition, and in its shard, now; version 0: none, or one that nobody can read.

        Raises redis.exceptions.RedisError when Redis does not answer, or another program has one of the keys.
        """
        keys = self._of(partition)
        names = (
            *(keys.board, keys.users, keys.spread(partition), keys.pulse, keys.history, keys.alerts, keys.networks),
            *(keys.influence, keys.user_alerts, keys.search, keys.ids),
        )
        for _ in range(3):  # a call names all its keys: once more when another network has come
            known = self._networks.get(keys, [])
            boards = map(keys.board_of, known)
            *seen, there = await self._look(len(names) + len(known), *names, *boards, partition, MOST_NETWORKS, *known)
            self._networks[keys] = sorted(name.decode() for name in there)
            if self._networks[keys] == known:
                break
        return Look(*seen)

    async def lacking(self, partition: int, users: list[str], *, linked: bool = False) -> int:
        """How many of these users of the partition are not on their boards, have no record or cannot be found. Raises as `look`.

        `linked`: they are accounts of persons, whom the overall board has not.
        """
        keys, lacking = self._of(partition), 0
        for start in range(0, len(users), MAX_USERS):
            some = users[start : start + MAX_USERS]
            known = sorted({network for network in map(network_of, some) if network})
            boards = map(keys.board_of, known)
            names = (keys.board, keys.users, keys.networks, keys.search, keys.ids)
            found = [text for user in some for text in (*entries(user), numeric_id(user, self._app))]
            options = self._list(some), int(linked), MOST_NETWORKS, self._list(found)
            lacking += await self._lacking(len(names) + len(known), *names, *boards, *options, *known)
        return lacking

    async def probe(self) -> None:
        """Write something to each shard and take it away again, unseen. Raises RedisError when it refuses writes."""
        for keys in self._keys:
            await self._probe(1, keys.pulse)

    async def tell(self, owner: str, now_ms: float, findings: list[list[str]]) -> None:
        """What a worker finds wrong around it: (check, status, text) each; none takes away what it told before."""
        key = self._keys[0].findings
        if findings:
            await self._client.hset(key, owner, orjson.dumps({"at": int(now_ms), "findings": findings}))
        else:
            await self._client.hdel(key, owner)

    async def rules_offset(self) -> int | None:
        """The offset of the last policy that the rules in Redis come from; None: there are none."""
        offset = await self._client.hget(self._keys[0].rules, "offset")
        return None if offset is None else int(offset)

    async def show_rules(self, offset: int, rules: Iterable[Rule]) -> None:
        """The rules in force, in place of those that were there. Raises RedisError."""
        fields = {"offset": offset, "rules": _encode(tuple(rules))}
        await self._client.hset(self._keys[0].rules, mapping=fields)

    async def fill_alerts(self, shard: int, alerts: list[tuple[int, bytes]]) -> int:
        """Put these alerts (when in ms, JSON; oldest first) into the stream that lacks some of them, each once, in order.

        Returns how many the stream has then. Those that are there keep their ids; others get one of their own time, so that
        nobody who follows the stream is told an old one as new. Raises RedisError.
        """
        key = self._keys[shard].alerts
        while True:
            there = [(ident, fields[b"alert"]) for ident, fields in await self._client.xrange(key)]
            known = {value for _, value in there}
            entries = [((*map(int, ident.split(b"-")),), value) for ident, value in there]
            lacking = [(at, value) for at, value in alerts if value not in known]
            if not lacking:
                return len(there)
            entries += [((at, n), value) for n, (at, value) in enumerate(lacking)]
            entries = sorted(entries)[-ALERTS_KEPT:]
            texts = [text for (at, n), value in entries for text in (f"{at}-{n}", value.decode())]
            filled = await self._alerts(1, key, there[-1][0] if there else "", self._list(texts))
            if filled >= 0:
                return int(filled)

    async def fill_user_alerts(self, shard: int, alerts: Mapping[str, Sequence[bytes]]) -> None:
        """Put these alerts (JSON) of each user among the latest of that user, each once. Raises RedisError."""
        key, lacking = self._keys[shard].user_alerts, list(alerts)
        while some := lacking[:FILLED_A_CALL]:
            there = await self._client.hmget(key, some)
            arrays = [user_alerts.merged(array, alerts[user]) for user, array in zip(some, there, strict=True)]
            told = zip(some, there, arrays, strict=True)
            filled = await self._user_alerts(
                1,
                key,
                self._list(
                    [text for user, old, new in told for text in (user, str(old or b"", "utf-8"), str(new, "utf-8"))]
                ),
            )
            if filled == len(some):  # else another has come meanwhile: once more
                del lacking[: len(some)]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _of(self, partition: int) -> Keys:
        return self._keys[shard_of(partition, len(self._keys))]

    def _call(self, flush: Flush) -> list[Any]:
        """Number of keys, the keys, the arguments: see the head of flush.lua. The client's hot loop."""
        if not 0 <= flush.partition < self._partitions:
            raise ValueError(f"partition {flush.partition}: there are {self._partitions}")
        if not 0 < flush.version < MAX_VERSION:
            raise ValueError(f"version {flush.version}: expected 1 to 2**53")
        if max(len(flush.users), len(flush.closes), len(flush.bins)) > MAX_USERS:
            sizes = f"{len(flush.users)} users, {len(flush.closes)} closes, {len(flush.bins)} bins"
            raise ValueError(f"{sizes}: at most {MAX_USERS} of each a call")
        keys, boards = self._of(flush.partition), flush.users.boards()
        spread, new = keys.spread(flush.partition), flush.users.new()
        return [
            13 + len(boards.networks) + len(flush.topics) + len(flush.off_topics),
            *(keys.board, keys.users, keys.history, spread, keys.updates, keys.pulse, keys.alerts, keys.networks),
            *(keys.influence, keys.topics, keys.user_alerts, keys.search, keys.ids),
            *(keys.board_of(network) for network, _, _ in boards.networks),
            *map(keys.topic, chain(flush.topics, flush.off_topics)),
            flush.partition,
            flush.version,
            orjson.dumps({**flush.pulse, "version": flush.version}),
            boards.alone,
            flush.users.records(),
            self._list(list(chain.from_iterable(flush.bins.items()))),
            flush.updates or b"",
            self._list([text for user, closes in flush.closes for text in (user, closes.decode())]),
            self._list([text for one in flush.alerts for text in (user_alerts.user_of(one), str(one, "utf-8"))]),
            int(flush.anew),
            *(UPDATES_KEPT, ALERTS_KEPT),
            "" if flush.after is None else flush.after,
            *(boards.left, MOST_NETWORKS),
            self._list([text for user, document in flush.influence for text in (user, document.decode())]),
            *(MOST_TOPICS, MOST_ON_TOPIC),
            self._list(list(chain.from_iterable(flush.topics.items()))),
            self._list(list(chain.from_iterable(flush.off_topics.items()))),
            len(boards.networks),
            *chain.from_iterable(boards.networks),
            ALERTS_A_USER,
            self._list([value for user in new for member in entries(user) for value in (0, member)]),
            self._list([text for user in new for text in (numeric_id(user, self._app), user)]),
        ]

    def _list(self, values: list[Any]) -> bytes:
        return self._pack(values) if values else b""
