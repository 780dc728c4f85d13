"""Records and places of many users at once: one call to each shard, and where there are several, another that counts who is higher.

However many there are: most of what a read of one user costs is the call, in this client and on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.scoreboard.called import with_name
from streams.scoreboard.layout import Keys, network_of
from streams.scoreboard.script import Script
from streams.scoreboard.shards import Shards

Record = dict[str, Any]
Network = str | None  #: whose board, None: the overall one
Scores = dict[str, tuple[Network, float]]  #: by user: whose board, and the stored score on it


class Rank(NamedTuple):
    """Place on a board, 1 is the highest; equal scores share a place."""

    rank: int
    of: int
    score: float
    network: Network = None  #: whose board it is, None: the overall one


class Ranked(NamedTuple):
    """Somebody's stored record and place; None where there is none."""

    record: Record | None
    rank: Rank | None


class Ranks:
    """All shards' together. Methods raise redis.exceptions.RedisError when Redis is not there."""

    def __init__(self, client: Any, shards: Shards) -> None:
        self._client, self._shards = client, shards
        self._script = Script(client, "ranks")

    async def of(self, users: Sequence[str]) -> list[Ranked]:
        """The stored records of these users, and their places among all, those of accounts of persons on their network's board."""
        shards = self._shards.by_shard(users)
        answers = await self._shards.answers(
            lambda keys: self._script(3, keys.users, keys.board, keys.names, *shards[keys]), shards
        )
        records: dict[str, Record | None] = {}
        ranks: dict[str, Rank] = {}
        for keys, (found, names, scores, above, size) in answers.items():
            some = shards[keys]
            records |= zip(some, map(with_name, found, names), strict=True)
            there = zip(some, scores, above, strict=True)
            ranks |= {user: Rank(n + 1, size, float(score)) for user, score, n in there if score is not None}
        if len(self._shards.keys) > 1:  # others may be higher elsewhere
            ranks = await self._count({user: (None, rank.score) for user, rank in ranks.items()})
        ranks |= await self.on_networks([user for user in records if user not in ranks])
        return [Ranked(records.get(user), ranks.get(user)) for user in users]

    async def on_networks(self, users: Sequence[str]) -> dict[str, Rank]:
        """The place of each on the board of their network; persons, and whose network has no board, are missing."""

        async def of(keys: Keys) -> list[Any]:
            ask = self._client.pipeline(transaction=False)
            for user in shards[keys]:
                ask.zscore(keys.board_for(network_of(user)), user)
            return list(await ask.execute())

        shards = self._shards.by_shard([user for user in users if network_of(user)])
        scores: Scores = {}
        for keys, found in (await self._shards.answers(of, shards)).items():
            there = zip(shards[keys], found, strict=True)
            scores |= {user: (network_of(user), score) for user, score in there if score is not None}
        return await self._count(scores)

    async def _count(self, scores: Scores) -> dict[str, Rank]:
        """The places that these scores are: how many of all shards are higher."""
        if not scores:
            return {}
        places = list(dict.fromkeys(scores.values()))
        boards = list(dict.fromkeys(network for network, _ in places))

        async def of(keys: Keys) -> list[int]:
            ask = self._client.pipeline(transaction=False)
            for network in boards:
                ask.zcard(keys.board_for(network))
            for network, score in places:
                ask.zcount(keys.board_for(network), f"({score!r}", "+inf")
            return list(await ask.execute())

        totals = [sum(counts) for counts in zip(*await self._shards.each(of), strict=True)]
        sizes, above = dict(zip(boards, totals, strict=False)), dict(zip(places, totals[len(boards) :], strict=True))
        return {user: Rank(above[at] + 1, sizes[at[0]], at[1], at[0]) for user, at in scores.items()}
