"""How channels stand and the latest outcomes, in Redis, for the page. Without Redis alerts arrive all the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from redis.exceptions import RedisError

from agents.alerting.figures import LATEST, Counts
from agents.shapes.deliveries import ChannelStanding, Told
from streams.policies.book import Book
from streams.scoreboard.layout import Keys

log = logging.getLogger("clout.alerting")

EVERY_S = 2.0
_encode = msgspec.json.Encoder().encode


async def showing(
    client: Any, keys: Keys, standings: Callable[[], list[ChannelStanding]], counts: Counts, book: Callable[[], Book]
) -> None:
    """Until cancelled. Fields of channels that are no more are taken away."""
    last: Told | None = None
    lost = False
    while True:
        await asyncio.sleep(EVERY_S)
        new = []
        for told in counts.latest:
            if told is last:
                break
            new.append(told)
        try:
            await _show(client, keys, standings(), new, {one.name for one in book().channels})
        except (RedisError, OSError) as error:
            if not lost:
                log.warning("redis does not take how channels stand; alerts arrive all the same: %s", error)
            lost = True
        else:
            lost, last = False, new[0] if new else last


async def _show(client: Any, keys: Keys, standings: list[ChannelStanding], new: list[Told], names: set[str]) -> None:
    there = {name.decode() for name in await client.hkeys(keys.channels)}
    pipe = client.pipeline(transaction=False)
    if gone := there - names:
        pipe.hdel(keys.channels, *gone)
    if standings:
        pipe.hset(keys.channels, mapping={one.channel: _encode(one) for one in standings})
    if new:
        pipe.lpush(keys.deliveries, *(_encode(one) for one in reversed(new)))
        pipe.ltrim(keys.deliveries, 0, LATEST - 1)
    await pipe.execute()
