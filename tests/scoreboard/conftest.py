"""Fixtures of the scoreboard's tests: the same cases on Redis and on Valkey."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from streams.scoreboard.connect import AsyncRedis, connect
from streams.scoreboard.layout import Keys
from streams.scoreboard.reader import Reader
from streams.scoreboard.writer import Writer

KINDS = ("redis", "valkey")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Board:
    """A writer, a reader and a bare client on one server, under a prefix of their own."""

    client: Any
    writer: Writer
    reader: Reader
    prefix: str

    def keys(self, shard: int = 0) -> Keys:
        """The keys of a shard."""
        return Keys(self.prefix, shard)


Story = Callable[[Board], Awaitable[None]]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which server."""
    return str(request.param)


@pytest.fixture
def any_redis(kind: str, request: pytest.FixtureRequest) -> str:
    """URL of a running Redis, then of a running Valkey."""
    return str(request.getfixturevalue(f"{kind}_url"))


@pytest.fixture
def play(any_redis: str) -> Callable[..., None]:
    """Runs a story against a fresh scoreboard: `play(story, shards=1, partitions=4)`."""

    def run(story: Story, shards: int = 1, partitions: int = 4) -> None:
        on(any_redis, story, shards=shards, partitions=partitions)

    return run


def on(url: str, story: Story, *, shards: int = 1, partitions: int = 4, client: AsyncRedis | None = None) -> None:
    """Run a story on the server of this URL, in an event loop of its own."""
    prefix = f"test{next(_numbers)}"

    async def run() -> None:
        made = client or connect(url)
        shape = (prefix, shards, partitions)
        try:
            await story(Board(made, Writer(made, *shape), Reader(made, *shape), prefix))
        finally:
            await made.aclose()

    asyncio.run(run())
