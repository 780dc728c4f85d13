"""How channels of alerts and live sources stand, as `clout alerting` and `clout feed` write it into Redis."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import orjson
from redis.exceptions import NoPermissionError

from streams.scoreboard.layout import Keys

Standing = dict[str, Any]  #: `agents.shapes.deliveries.ChannelStanding`, as JSON
Told = dict[str, Any]  #: `agents.shapes.deliveries.Told`, as JSON
STALE_MS = 15_000  #: what was written longer ago nobody keeps up: no process delivers to the channel
WELL, OFF = "well", "off"  #: of a channel that is not in trouble
NOBODY = "nobody delivers to it: is `clout alerting` running?"


class Standings:
    """Reads them. Methods raise redis.exceptions.RedisError when Redis is not there."""

    def __init__(self, client: Any, keys: Keys) -> None:
        """`keys` of the first shard."""
        self._client, self._keys = client, keys

    async def channels(self) -> dict[str, Standing]:
        """By name, in their order."""
        found = await self._client.hgetall(self._keys.channels)
        return dict(sorted((name.decode(), orjson.loads(value)) for name, value in found.items()))

    async def latest(self, n: int) -> list[Told]:
        """The newest n outcomes, newest first; none where this Redis user may not read lists."""
        try:
            found = await self._client.lrange(self._keys.deliveries, 0, n - 1) if n else []
        except NoPermissionError:  # of a user that was made before there were deliveries
            found = []
        return [orjson.loads(one) for one in found]

    async def sources(self) -> dict[str, Standing]:
        """Live sources by name, in their order: `agents.shapes.sources.SourceStanding`, as JSON."""
        found = await self._client.hgetall(self._keys.sources)
        return dict(sorted((name.decode(), orjson.loads(value)) for name, value in found.items()))


def source_trouble(standing: Mapping[str, Any], now_ms: float) -> str:
    """Why a live source does not give what happens now; empty: it does, or it was stopped on purpose."""
    if standing["state"] == "stopped":
        return ""
    silent_ms = now_ms - standing["at"]
    if silent_ms > STALE_MS:
        return f"nobody has read it for {silent_ms / 1000:,.0f} s: is `clout feed {standing['source']}` running?"
    if standing["state"] == "waiting" and standing["last"]:
        return f"no connection: {standing['last']}"
    if standing["gap"] is not None and standing["lag_ms"] is not None:
        return f"{standing['lag_ms'] / 1000:,.0f} s behind"
    return ""


def trouble(standing: Mapping[str, Any] | None, now_ms: float) -> str:
    """Why nothing arrives there now; empty: it is well, or switched off on purpose. None: nothing was ever said of it."""
    if standing is not None and not standing["enabled"]:
        return ""
    if standing is None or now_ms - standing["at"] > STALE_MS:
        return NOBODY
    if standing["off"]:
        return f"switched off: {standing['off']}"
    until_ms = standing["open_until"]
    if until_ms is not None and until_ms > now_ms:
        until = datetime.datetime.fromtimestamp(until_ms / 1000, datetime.UTC).strftime("%H:%M:%SZ")
        return f"left alone until {until}: {standing['last'] or 'it has failed'}"
    return ""
