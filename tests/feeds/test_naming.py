"""`agents.feeds.naming`: names that a source gives are in Redis soon, whatever happens to feeds and to Redis."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self
from unittest.mock import Mock

import pytest
from aiokafka.errors import KafkaError
from kafka.admin import KafkaAdminClient

from agents.feeds import naming
from agents.feeds import runner as running
from agents.feeds.naming import Naming
from streams.broker.admin import Admin
from streams.display_names import Named
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from streams.topics import NAMES
from tests.feeds.scripted import Scripted, lived, made, runner

SHARDS = 2
PATIENCE_S = 60.0  # a machine under load


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about a second more or less."""
    monkeypatch.setattr(running, "EVERY_S", 0.05)
    monkeypatch.setattr(naming, "LOOK_MS", 50)
    monkeypatch.setattr(naming, "_AGAIN_S", 0.05)


@pytest.fixture(params=["kafka", "embedded_kafka"])
def settings(request: pytest.FixtureRequest, prefix: str, redis_url: str) -> Settings:
    """Of both brokers; two shards."""
    shards = {"redis": redis_url, "redis_shards": SHARDS, "redis_prefix": prefix}
    return made(request.getfixturevalue(request.param), prefix, transactions=request.param == "kafka", **shards)


def called(first: int, last: int, word: str = "N") -> dict[int, list[Named]]:
    """Batches that say what so many users are called."""
    return {n: [Named(f"t:a{n}", f"{word}{n}")] for n in range(first, last)}


def names(first: int, last: int, word: str = "N") -> dict[str, str]:
    return {f"t:a{n}": f"{word}{n}" for n in range(first, last)}


async def fed(settings: Settings, source: Scripted) -> None:
    """All of it is in Kafka."""
    one = runner(settings, source)
    await lived(one, lambda: one.figures.cursor == str(source.count))


async def told(client: Any, settings: Settings) -> dict[str, str]:
    found: dict[bytes, bytes] = {}
    for shard in range(SHARDS):
        found |= await client.hgetall(Keys(settings.redis_prefix, shard).names)
    return {user.decode(): name.decode() for user, name in found.items()}


@contextlib.asynccontextmanager
async def follows(settings: Settings) -> AsyncIterator[Any]:
    """While the block lasts names get into Redis; yields a client."""
    client: Any = connect(settings)
    task = asyncio.create_task(Naming(settings, client).run())
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.wait({task})
        await client.aclose()


async def until(client: Any, settings: Settings, wanted: Mapping[str, str]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await told(client, settings) != wanted:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)


def test_what_a_source_says_is_in_redis(settings: Settings) -> None:
    """Also what was said while nobody followed, by another source, and what is taken back."""

    async def story() -> None:
        await fed(settings, Scripted(count=20, names=called(0, 10)))
        async with follows(settings) as client:
            await until(client, settings, names(0, 10))
            taken = {0: [Named("t:a3", None), Named("t:a4", "<b>\u202eNew")]}
            await fed(settings, Scripted(count=3, name="other", names=taken))
            wanted = names(0, 10) | {"t:a4": "<b>New"}
            del wanted["t:a3"]
            await until(client, settings, wanted)
        later = {n - 20: some for n, some in called(20, 24).items()} | {4: [Named("t:b", "\u200b")]}
        await fed(settings, Scripted(count=5, name="third", names=later))
        async with follows(settings) as client:
            await until(client, settings, wanted | names(20, 24))

    asyncio.run(story())


def test_a_redis_that_has_lost_them(settings: Settings) -> None:
    """A shard, or all, gets them again, from the topic; nobody says them once more."""

    async def story() -> None:
        async with follows(settings) as client, follows(settings):
            await fed(settings, Scripted(count=20, names=called(0, 20)))
            await until(client, settings, names(0, 20))
            first, second = (Keys(settings.redis_prefix, shard) for shard in range(SHARDS))
            for lost in ((second.names,), (first.names_at, second.names), (first.names, first.names_at)):
                await client.delete(*lost)
                await until(client, settings, names(0, 20))

    asyncio.run(story())


def test_another_topic_of_the_same_name(kafka: str, redis_url: str, prefix: str) -> None:
    """What Redis has of the one before is no part of it."""
    settings = made(kafka, prefix, redis=redis_url, redis_shards=SHARDS, redis_prefix=prefix)

    async def first() -> None:
        await fed(settings, Scripted(count=20, names=called(0, 20)))
        async with follows(settings) as client:
            await until(client, settings, names(0, 20))

    async def second() -> None:
        await fed(settings, Scripted(count=2, name="other", names=called(0, 2, "M")))
        async with follows(settings) as client:
            await until(client, settings, names(0, 2, "M"))

    asyncio.run(first())
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_topics([settings.topic(NAMES.name)])
    admin.close()
    with Admin(settings) as again:
        while not again.create():  # the broker needs a moment to forget it
            time.sleep(0.05)
    asyncio.run(second())


def test_a_cancellation_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails while it is being closed does not go on for ever."""

    class Failing:
        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            raise KafkaError

        async def end(self) -> int:
            await asyncio.sleep(3_600)
            return 0

    monkeypatch.setattr(naming, "NameLog", lambda _: Failing())

    async def story() -> None:
        task = asyncio.create_task(Naming(Settings(), Mock()).run())
        await asyncio.sleep(0.1)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=10)
        assert done == {task}

    asyncio.run(story())
