"""The Lua scripts of this folder, each under its name."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

from redis.exceptions import NoScriptError

from streams.scoreboard.connect import AsyncRedis


class Script:
    """A Lua script beside this module; the server keeps it by its hash."""

    def __init__(self, client: AsyncRedis, name: str) -> None:
        self._client: Any = client
        self._text = resources.files("streams.scoreboard").joinpath(f"{name}.lua").read_text(encoding="utf-8")
        self._sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, *call: Any) -> Any:
        """Number of keys, the keys, the arguments."""
        try:
            return await self._client.evalsha(self._sha, *call)
        except NoScriptError:  # a new or restarted server, or SCRIPT FLUSH: EVAL loads it again
            return await self._client.eval(self._text, *call)
