"""Reading from Redis: users, boards, ranks, the spread of scores, history, pulses and the two streams.

A stored score is the one of its `as_of`; whoever shows it decays it to their own now with `score_at`. Ranks and
percentiles use stored scores: the idle pass keeps these within a displayed step of the truth. Records of users have a `name`
where one is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import chain
from typing import Any

import orjson
from redis.asyncio import RedisCluster
from redis.exceptions import NoPermissionError, RedisError

from streams.model import score as scoring
from streams.model import versions
from streams.model.explain import Past
from streams.model.influential import Influence
from streams.partitioner import partition_of
from streams.scoreboard import closes, user_alerts
from streams.scoreboard.boards import Boards
from streams.scoreboard.called import with_name
from streams.scoreboard.connect import AsyncRedis
from streams.scoreboard.documents import Documents
from streams.scoreboard.layout import FIELDS_A_CALL, Keys, shard_of
from streams.scoreboard.pasts import Pasts
from streams.scoreboard.ranks import Rank, Ranked, Ranks
from streams.scoreboard.refusal import refusal
from streams.scoreboard.script import Script
from streams.scoreboard.search import Search
from streams.scoreboard.shards import Shards
from streams.scoreboard.spread import Spread, merged
from streams.scoreboard.standings import Standings
from streams.scoreboard.tail import END, Entry, Tail, newest
from streams.scoreboard.topic_boards import TopicBoards

Record = dict[str, Any]


def score_at(record: Record, now_ms: int) -> Record:
    """The record as it reads at `now_ms` if nothing else happened since; by the model that scored it."""
    return scoring.at(record, versions.model(record["model"]), now_ms)


class Reader:
    """All reads of the scoreboard. Methods raise redis.exceptions.RedisError when Redis is not there.

    Within `streams.scoreboard.shards.partly`, what is read of several shards leaves out those that do not answer.
    """

    def __init__(self, client: AsyncRedis, prefix: str, shards: int, partitions: int) -> None:
        self._client: Any = client
        self._partitions, self.shards = partitions, shards
        self._keys = [Keys(prefix, shard) for shard in range(shards)]
        one_call = not isinstance(client, RedisCluster)
        self._shards = Shards(self._keys, partitions)
        self._each, self._of, self.left_out = self._shards.each, self._shards.of, self._shards.left_out
        updates, alerts = [keys.updates for keys in self._keys], [keys.alerts for keys in self._keys]
        self._updates = Tail(client, updates, one_call=one_call)
        #: for push: first the batches of changes of each shard, then the alerts of each
        self.pushed = Tail(client, [*updates, *alerts], one_call=one_call)
        self.search, self.boards = Search(client, self._shards), Boards(client, self._shards)
        self.topics, self._documents = TopicBoards(client, self._shards), Documents(client, self._shards)
        self.standings, self._ranks = Standings(client, self._keys[0]), Ranks(client, self._shards)
        self.pasts = Pasts(client, self._shards, partitions)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def user(self, user: str) -> Record | None:
        """The stored record of one user, None for somebody unknown."""
        return (await self._shards.one(self._of(user), lambda keys: self._records(keys, [user])))[user]

    async def users(self, users: Sequence[str]) -> list[Record | None]:
        """The stored records, in the order asked for; None for each unknown user, and for those of a shard that is left out."""
        wanted = self._shards.by_shard(users)
        some = await self._each(lambda keys: self._records(keys, wanted[keys]), wanted)
        found = dict(chain.from_iterable(records.items() for records in some))
        return [found.get(user) for user in users]

    async def everyone(self) -> AsyncIterator[Record]:
        """The stored records of all users, in no order; each once."""
        for keys in self._keys:
            seen: set[bytes] = set()
            async for user, record in self._client.hscan_iter(keys.users, count=FIELDS_A_CALL):
                if user not in seen:
                    seen.add(user)
                    yield orjson.loads(record)

    async def top(self, n: int, now_ms: int, network: str | None = None) -> list[Record]:
        """The n highest at `now_ms`, overall or of a network, decayed to it, highest first.

        Stored scores pick the candidates, twice as many as asked for from each shard: decay can change the order of
        records of different age, but between two passes only by little.
        """

        async def candidates(keys: Keys) -> Iterable[Record | None]:
            users = await self._client.zrange(keys.board_for(network), 0, 2 * n + 9, desc=True)
            return (await self._records(keys, [user.decode() for user in users])).values() if users else ()

        records = [score_at(record, now_ms) for some in await self._each(candidates) for record in some if record]
        records.sort(key=lambda record: (-record["score"], record["user"]))
        return records[:n]

    async def rank(self, user: str) -> Rank | None:
        """The place of a user among all, of an account of a person that on its network's board; None for somebody unknown."""
        return (await self._ranks.of([user]))[0].rank

    async def network_rank(self, user: str) -> Rank | None:
        """The place on the board of their network; None for persons, somebody unknown, and where the network has no board."""
        return (await self._ranks.on_networks([user])).get(user)

    async def ranked(self, users: Sequence[str]) -> list[Ranked]:
        """Stored records and places, in the order asked for: see `Ranks.of`."""
        return await self._ranks.of(users)

    async def population(self, network: str | None = None) -> int:
        """How many are on the overall board, which has no accounts of persons, or on that of a network."""
        return sum(await self._each(lambda keys: self._client.zcard(keys.board_for(network))))

    async def networks(self) -> dict[str, int]:
        """How many users are on the board of each network, the largest first; those without a board are missing."""
        listed = await self._each(lambda keys: self._client.hgetall(keys.networks))
        names = sorted({name.decode() for some in listed for name in some})
        sizes = await asyncio.gather(*map(self.population, names))
        return dict(sorted(zip(names, sizes, strict=True), key=lambda item: -item[1]))

    async def distribution(self) -> Spread:
        """The histogram of scores: everyone engaged with in the last 90 days, accounts of persons left out."""

        async def of(keys: Keys) -> list[dict[bytes, bytes]]:
            ours = [p for p in range(self._partitions) if shard_of(p, len(self._keys)) == keys.shard]
            return list(await asyncio.gather(*(self._client.hgetall(keys.spread(p)) for p in ours)))

        return merged(chain.from_iterable(await self._each(of)))

    async def percentile(self, score: float) -> float | None:
        """Per cent of those in the histogram below this score, to a tenth of a point; None without any."""
        return (await self.distribution()).percentile(score)

    async def pulses(self) -> dict[int, Record]:
        """What each partition last said about itself, by partition number; a silent partition is missing."""
        shards = await self._each(lambda keys: self._client.hgetall(keys.pulse))
        return dict(sorted((int(p), orjson.loads(pulse)) for shard in shards for p, pulse in shard.items()))

    async def told(self) -> dict[str, Record]:
        """What workers have found wrong around them: worker -> {"at": ms, "findings": [[check, status, text], ...]}."""
        told = await self._client.hgetall(self._keys[0].findings)
        return {owner.decode(): orjson.loads(entry) for owner, entry in told.items()}

    async def rules(self) -> Record | None:
        """The rules in force, {"offset": of the last policy known, "rules": [...]}; None: no worker has told them."""
        offset, rules = await self._client.hmget(self._keys[0].rules, "offset", "rules")
        return None if offset is None or rules is None else {"offset": int(offset), "rules": orjson.loads(rules)}

    async def refused(self) -> str:
        """Why this server takes no writes from anybody, and what to do; empty when it does, or nobody can tell."""
        try:
            await Script(self._client, "probe")(1, self._keys[0].pulse)
        except NoPermissionError:
            return ""  # a reader's user; the server may be well
        except (RedisError, OSError) as error:
            return refusal(error)
        return ""

    async def sizes(self) -> list[dict[str, int]]:
        """How many users board, records and history have, shard by shard."""

        async def of(keys: Keys) -> dict[str, int]:
            ask = self._client.zcard(keys.board), self._client.hlen(keys.users), self._client.hlen(keys.history)
            return dict(zip(("board", "users", "history"), await asyncio.gather(*ask), strict=True))

        return await self._each(of)

    async def history(self, user: str) -> dict[str, float]:
        """The daily closes of a user, at most 90, `{"2026-11-21": 41.2, ...}`, oldest first; empty for somebody unknown."""
        return {close.date: close.score for close in (await self.past(user)).closes}

    async def past(self, user: str) -> Past:
        """The closed days of a user; empty for somebody unknown. Closes since the user last changed follow from the record."""
        keys, partition = self._of(user), partition_of(user, self._partitions)
        record, kept, pulse = await asyncio.gather(
            self._client.hget(keys.users, user),
            self._client.hget(keys.history, user),
            self._client.hget(keys.pulse, partition),
        )
        if record is None:
            return Past(0, [], None)
        told, known = _record(pulse) or {}, _record(kept)
        found = closes.whole(orjson.loads(record), known, told)
        return Past(told.get("closed_ms", 0), found, closes.ledger_of(known))

    async def influence(self, record: Record) -> Influence | None:
        """Topics, people and moments of a user with this record: see `Documents.influence`."""
        return await self._documents.influence(record)

    async def people(self, record: Record) -> Influence | None:
        """The same, with the names of the people in it."""
        found = await self._documents.influence(record)
        return found and await self._documents.with_names(found)

    async def influences(self, users: Sequence[str]) -> list[Influence | None]:
        """See `Documents.stored`."""
        return await self._documents.stored(users)

    async def topic_ranks(self, user: str, topics: Sequence[str]) -> dict[str, int]:
        """See `TopicBoards.ranks`."""
        return await self.topics.ranks(user, self._of(user), topics)

    async def updates(self, after: str = END, block_ms: int = 0, count: int = 100) -> list[Entry]:
        """Batches of changes after a cursor: that of an earlier entry, `$` for from now on, `0-0` for all there is.

        Waits up to `block_ms` (at most 3,000) for the first. Raises UsageError for something that is no cursor.
        """
        return await self._updates.after(after, block_ms, count)

    async def updates_end(self) -> str:
        """The cursor of the newest batch: start here, then nothing is missed between two calls of `updates`."""
        return await self._updates.end()

    async def alerts(self, n: int) -> list[Record]:
        """The newest n alerts, newest first."""
        shards = await self._each(lambda keys: newest(self._client, keys.alerts, n))
        entries = sorted(chain.from_iterable(shards), key=Entry.order, reverse=True)
        return [orjson.loads(entry.payload) for entry in entries[:n]]

    async def alerts_of(self, user: str) -> list[Record]:
        """The latest alerts about one user, newest first."""
        return user_alerts.read(await self._client.hget(self._of(user).user_alerts, user))

    async def _records(self, keys: Keys, users: Sequence[str]) -> dict[str, Record | None]:
        found: dict[str, Record | None] = {}
        for start in range(0, len(users), FIELDS_A_CALL):
            some = users[start : start + FIELDS_A_CALL]
            ask = self._client.pipeline(transaction=False)
            ask.hmget(keys.users, some)
            ask.hmget(keys.names, some)
            found |= zip(some, map(with_name, *await ask.execute()), strict=True)
        return found


def _record(value: bytes | None) -> Record | None:
    return None if value is None else orjson.loads(value)
