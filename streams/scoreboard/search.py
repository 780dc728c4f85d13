"""Finding users: by the beginning of their names, and by their numeric ids."""

from __future__ import annotations

from typing import Any

from streams.scoreboard.names import bounds, folded, name_of, user_of
from streams.scoreboard.shards import Shards

MOST_LOOKED_AT = 400  #: members of the index of a shard, two a user at most: who is found beyond them is left out


class Search:
    """All shards' together."""

    def __init__(self, client: Any, shards: Shards) -> None:
        self._client, self._shards = client, shards

    async def begins(self, prefix: str) -> list[str]:
        """Users whose name begins so, with the network or without, in whatever case; of each shard the first MOST_LOOKED_AT."""
        return await self._found(bounds(prefix))

    async def named(self, name: str) -> list[str]:
        """Users of this name, in whatever case, on all networks."""
        found = await self._found(bounds(name, exact=True))
        return [user for user in found if folded(name_of(user)) == folded(name)]

    async def user(self, ident: str) -> str | None:
        """Whose numeric id this is, None for nobody's."""
        if not (ident.isascii() and ident.isdecimal()):
            return None
        asked = await self._shards.each(lambda keys: self._client.hget(keys.ids, ident))
        return next((user.decode() for user in asked if user), None)

    async def _found(self, between: tuple[bytes, bytes]) -> list[str]:
        """Each once, sorted."""
        least, most = between
        shards = await self._shards.each(
            lambda keys: self._client.zrange(keys.search, least, most, bylex=True, offset=0, num=MOST_LOOKED_AT)
        )
        return sorted({user_of(member) for shard in shards for member in shard})
