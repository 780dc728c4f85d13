"""The scoreboard as a command sees it: a reader for one question, and what time it is now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from streams.settings import Settings

if TYPE_CHECKING:
    from streams.scoreboard.reader import Reader

T = TypeVar("T")


def ask(settings: Settings, question: Callable[[Reader], Awaitable[T]]) -> T:
    """The answer of a coroutine that gets a reader. Raises DependencyDown with a clear line when Redis is not there."""
    from redis.exceptions import RedisError

    from streams.scoreboard.connect import address, connect, down
    from streams.scoreboard.reader import Reader

    async def asking() -> T:
        client = connect(settings)
        reader = Reader(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
        try:
            return await question(reader)
        except (RedisError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise  # that is our stdout
            raise down(error, address(settings.redis)) from error
        finally:
            await reader.close()

    return asyncio.run(asking())


async def now_ms(settings: Settings, reader: Reader) -> int:
    """What `now` is: the wall clock, or with CLOUT_CLOCK=stream the newest event any partition has folded."""
    if settings.clock == "stream":
        newest = max((pulse["event_ts"] for pulse in (await reader.pulses()).values()), default=0)
        if newest:
            return newest
    return int(time.time() * 1000)
