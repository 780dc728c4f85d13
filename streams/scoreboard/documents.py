"""Reading topics, people and moments: the documents of users, and what the accounts of a person have together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from streams.model import versions
from streams.model.influential import Friend, Influence, merged
from streams.scoreboard.layout import FIELDS_A_CALL, Keys
from streams.scoreboard.shards import Shards

_decode = msgspec.json.Decoder(Influence).decode


class Documents:
    """All shards' together."""

    def __init__(self, client: Any, shards: Shards) -> None:
        self._client, self._shards = client, shards

    async def influence(self, record: dict[str, Any]) -> Influence | None:
        """Of a user with this record; of a person what its accounts have together, less what it hides. None: not known."""
        own, *accounts = await self.stored([record["user"], *record.get("accounts", ())])
        if "accounts" not in record:
            return own
        found = [one for one in accounts if one]
        half_life_ms, hidden = versions.model(record["model"]).half_lives_ms[-1], own.hidden if own else ()
        return merged(record["user"], found, half_life_ms, hidden) if found else None

    async def with_names(self, one: Influence) -> Influence:
        """The same with the names of the people in it, where they are known."""
        wanted = self._shards.by_shard([friend.user for friend in (*one.influencees, *one.influencers)])
        some = await self._shards.answers(lambda keys: self._client.hmget(keys.names, wanted[keys]), wanted)
        names = {
            user: name.decode(errors="replace")
            for keys, found in some.items()
            for user, name in zip(wanted[keys], found, strict=True)
            if name
        }

        def named(friends: list[Friend]) -> list[Friend]:
            return [replace(friend, name=names.get(friend.user, UNSET)) for friend in friends]

        return replace(one, influencees=named(one.influencees), influencers=named(one.influencers))

    async def stored(self, users: Sequence[str]) -> list[Influence | None]:
        """As Redis has it, in the order asked for; None: there is none."""
        wanted = self._shards.by_shard(users)
        some = await self._shards.each(lambda keys: self._of(keys, wanted[keys]), wanted)
        found = dict(chain.from_iterable(documents.items() for documents in some))
        return [found.get(user) for user in users]

    async def _of(self, keys: Keys, users: Sequence[str]) -> dict[str, Influence | None]:
        found: dict[str, Influence | None] = {}
        for start in range(0, len(users), FIELDS_A_CALL):
            some = users[start : start + FIELDS_A_CALL]
            kept = await self._client.hmget(keys.influence, some)
            found |= {user: one and _decode(one) for user, one in zip(some, kept, strict=True)}
        return found
