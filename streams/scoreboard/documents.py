"""Reading topics, people and moments: the documents of users, and what the accounts of a person have together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from streams.model import versions
from streams.model.influential import Influence, merged
from streams.scoreboard.layout import Keys

_decode = msgspec.json.Decoder(Influence).decode


class Documents:
    """All shards' together; `of` says in which a user is."""

    def __init__(self, client: Any, of: Callable[[str], Keys]) -> None:
        self._client, self._of = client, of

    async def influence(self, record: dict[str, Any]) -> Influence | None:
        """Of a user with this record; of a person what its accounts have together, less what it hides. None: not known."""
        user, accounts = record["user"], record.get("accounts")
        found = await self._stored([user, *accounts] if accounts else [user])
        own = found.pop(user, None)
        if not accounts:
            return own
        half_life_ms, hidden = versions.model(record["model"]).half_lives_ms[-1], own.hidden if own else ()
        return merged(user, list(found.values()), half_life_ms, hidden) if found else None

    async def _stored(self, users: Sequence[str]) -> dict[str, Influence]:
        """By user, in the order of `users`; who has none is missing."""
        by_shard: dict[Keys, list[str]] = {}
        for user in users:
            by_shard.setdefault(self._of(user), []).append(user)
        asked = (self._client.hmget(keys.influence, some) for keys, some in by_shard.items())
        found = {one.user: one for some in await asyncio.gather(*asked) for one in map(_decode, filter(None, some))}
        return {user: found[user] for user in users if user in found}
