"""Asking all shards at once, and what becomes of an answer when some of them give none."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import TypeVar

from redis.exceptions import ClusterDownError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.partitioner import partition_of
from streams.scoreboard.layout import Keys, shard_of

T = TypeVar("T")
Missing = dict[int, Exception]  #: shard -> why it is left out

#: who can do without a shard waits so long for it (the client alone tries several times), and then does not ask it for a while
PATIENCE_S, LOST_S = 5.0, 1.0
#: it is the shard, not what was asked of it
_LOST = (RedisConnectionError, RedisTimeoutError, ClusterDownError, OSError)

_missing: ContextVar[Missing | None] = ContextVar("missing", default=None)


@contextlib.contextmanager
def partly() -> Iterator[Missing]:
    """While the block lasts, what is read may be a part: shards that do not answer are left out, and noted in what is yielded."""
    noted: Missing = {}
    token = _missing.set(noted)
    try:
        yield noted
    finally:
        _missing.reset(token)


def missing() -> Mapping[int, Exception]:
    """Shards that what was read in this `partly` block is without."""
    return _missing.get() or {}


def note(some: Mapping[int, Exception]) -> None:
    """What was read is without these, too. Raises why, if a part is not good enough here."""
    noted = _missing.get()
    if noted is not None:
        noted.update(some)
    elif some:
        raise next(iter(some.values()))


def whole() -> None:
    """Raise why, if anything is left out so far: for answers of which a part would be wrong."""
    for error in missing().values():
        raise error


class Shards:
    """All of them. Methods raise RedisError or OSError when none answers, and outside of `partly` when one does not."""

    def __init__(self, keys: Sequence[Keys], partitions: int) -> None:
        self.keys, self._partitions = keys, partitions
        self._lost: dict[int, tuple[float, Exception]] = {}  # until when it is not asked, and why

    def of(self, user: str) -> Keys:
        """Where a user is."""
        return self.keys[shard_of(partition_of(user, self._partitions), len(self.keys))]

    def by_shard(self, users: Sequence[str]) -> dict[Keys, list[str]]:
        """Who is asked for where, each once."""
        found: dict[Keys, list[str]] = {}
        for user in dict.fromkeys(users):
            found.setdefault(self.of(user), []).append(user)
        return found

    def left_out(self, user: str) -> bool:
        """Is what was read here without this user?"""
        return self.of(user).shard in missing()

    async def each(self, ask: Callable[[Keys], Awaitable[T]], of: Iterable[Keys] | None = None) -> list[T]:
        """What is answered, shard by shard: of all, or of these."""
        return list((await self.answers(ask, self.keys if of is None else of)).values())

    async def answers(self, ask: Callable[[Keys], Awaitable[T]], of: Iterable[Keys]) -> dict[Keys, T]:
        """What each of these answers."""
        tries = [self._try(keys, ask) for keys in of]  # a task costs as much as a small call
        tried = [await tries[0]] if len(tries) == 1 else await asyncio.gather(*tries)
        note({keys.shard: why for keys, _, why in tried if why})
        if len(missing()) == len(self.keys):
            whole()
        return {keys: answer for keys, answer, why in tried if not why}  # type: ignore[misc]  # without why there is one

    async def _try(self, keys: Keys, ask: Callable[[Keys], Awaitable[T]]) -> tuple[Keys, T | None, Exception | None]:
        try:
            return keys, await self.one(keys, ask), None
        except (RedisError, OSError) as why:
            return keys, None, why

    async def one(self, keys: Keys, ask: Callable[[Keys], Awaitable[T]]) -> T:
        """What one answers; of `partly`, within PATIENCE_S, and without asking where somebody just waited in vain."""
        if _missing.get() is None:
            return await ask(keys)
        until_s, why = self._lost.get(keys.shard, (0.0, None))
        if why and time.monotonic() < until_s:
            raise RedisConnectionError(str(why))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await ask(keys)
        except _LOST as error:
            self._lost[keys.shard] = time.monotonic() + LOST_S, error
            raise
