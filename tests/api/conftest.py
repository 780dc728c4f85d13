"""Fixtures of the page's tests: a scoreboard with a few users, and the app served on a free port."""

from __future__ import annotations

import asyncio
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import orjson
import pytest

from agents.api.serve import serving
from agents.worker.health import Health
from streams.model.versions import DEFAULT
from streams.partitioner import partition_of
from streams.scoreboard.changes import Changes
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import Keys
from streams.scoreboard.writer import Writer
from streams.settings import Settings
from tests.scoreboard.records import bins, record

PARTITIONS = 4
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without certificates: to read them takes as long as a test
SCORES = {"x:ada": 71.5, "x:bo/b:y": 44.25, "x:cy": 12.0, "x:<img src=x onerror=alert(1)>": 60.0}


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def consistent(user: str, score: float, at_ms: int) -> dict[str, Any]:
    """A record whose windows give its score: all of the mass is in the longest window."""
    mass = DEFAULT.half_mass * (score / (100 - score)) ** (1 / DEFAULT.steepness)
    windows = {"day": 0.0, "week": 0.0, "quarter": mass}
    return record(user, score, as_of=at_ms, windows=windows, followers=0, acted=0.0, actors_error=0.0)


@dataclass
class Scene:
    """A scoreboard on a real Redis, and the settings that find it."""

    settings: Settings
    version: int = 0
    shown: dict[str, float] = field(default_factory=dict)

    def write(
        self, scores: dict[str, float], *, counts: int = 0, at_ms: int | None = None, alerts: tuple[Any, ...] = ()
    ) -> None:
        """One flush for each partition: these users, and `counts` more events folded by each."""
        asyncio.run(self._write(scores, counts, now_ms() if at_ms is None else at_ms, alerts))

    def tell(self, user: str, **more: Any) -> None:
        """One flush of the user's partition with what a `Flush` carries beside records."""
        asyncio.run(self._tell(user, more))

    def deliver(self, *standings: dict[str, Any], told: tuple[Any, ...] = ()) -> None:
        """How channels stand, and the latest outcomes, as `clout alerting` writes them."""
        asyncio.run(self._deliver(standings, told))

    async def _deliver(self, standings: tuple[dict[str, Any], ...], told: tuple[Any, ...]) -> None:
        client, keys = connect(self.settings), Keys(self.settings.redis_prefix, 0)
        await client.hset(keys.channels, mapping={one["channel"]: orjson.dumps(one) for one in standings})
        await client.lpush(keys.deliveries, *map(orjson.dumps, told))
        await client.aclose()

    async def _tell(self, user: str, more: dict[str, Any]) -> None:
        client = connect(self.settings)
        self.version += 1
        pulse = {"event_ts": now_ms(), "as_of": now_ms(), "owner": "w", "model": "clout-1", "users": 1}
        writer = Writer(client, self.settings.redis_prefix, self.settings.redis_shards, PARTITIONS)
        await writer.write(Flush(partition_of(user, PARTITIONS), self.version, pulse, **more))
        await client.aclose()

    async def _write(self, scores: dict[str, float], counts: int, at_ms: int, alerts: tuple[Any, ...]) -> None:
        client = connect(self.settings)
        writer = Writer(client, self.settings.redis_prefix, self.settings.redis_shards, PARTITIONS)
        self.version += 1
        for number in range(PARTITIONS):
            mine = {user: score for user, score in scores.items() if partition_of(user, PARTITIONS) == number}
            told = {"folded": counts, "rejected": 1, "repeats": 0}
            pulse = {
                "event_ts": at_ms,
                "as_of": at_ms,
                "owner": "w",
                "model": "clout-1",
                "users": len(mine),
                "counts": told,
                "latency": {"10": counts},
            }
            rows = [(user, score, orjson.dumps(consistent(user, score, at_ms))) for user, score in mine.items()]
            sent = [orjson.dumps(alert) for alert in alerts] if number == 0 else []
            changed = [[user, score, self.shown.get(user)] for user, score in mine.items()]
            updates = orjson.dumps({"partition": number, "as_of": at_ms, "users": changed})
            await writer.write(Flush(number, self.version, pulse, Changes.of(rows), bins(mine), updates, alerts=sent))
            self.shown |= mine
        await client.aclose()


@contextmanager
def serves(scene: Scene) -> Iterator[Callable[..., httpx.Client]]:
    """A function that serves the scene and gives a client for it, beside a worker of this `health`; settings may be changed."""
    with ExitStack() as stack:

        def serve(health: Health | None = None, **changes: Any) -> httpx.Client:
            port = stack.enter_context(serving(replace(scene.settings, **changes), health=health))
            home = f"http://127.0.0.1:{port}"
            return stack.enter_context(httpx.Client(base_url=home, timeout=10, trust_env=False, verify=NO_TLS))

        yield serve


def scene_on(redis_url: str, prefix: str) -> Scene:
    """An empty scoreboard."""
    return Scene(Settings(redis=redis_url, redis_prefix=prefix, partitions=PARTITIONS, api_limit=0))


@pytest.fixture
def scene(redis_url: str, prefix: str) -> Scene:
    """An empty scoreboard."""
    return scene_on(redis_url, prefix)


@pytest.fixture
def served(scene: Scene) -> Iterator[Callable[..., httpx.Client]]:
    """Serves the test's own scoreboard: see `serves`."""
    with serves(scene) as serve:
        yield serve


@pytest.fixture
def own_page(scene: Scene, served: Callable[..., httpx.Client]) -> httpx.Client:
    """A client of the app over four users, in a scoreboard that the test may write to."""
    scene.write(SCORES, counts=10)
    return served()


@pytest.fixture(scope="module")
def shared_scene(redis_url: str) -> Scene:
    """One scoreboard for a module."""
    return scene_on(redis_url, f"m{uuid.uuid4().hex[:10]}-")


@pytest.fixture(scope="module")
def shared(shared_scene: Scene) -> Iterator[Callable[..., httpx.Client]]:
    """Serves the module's scoreboard: see `serves`."""
    with serves(shared_scene) as serve:
        yield serve


@pytest.fixture(scope="module")
def page(shared_scene: Scene, shared: Callable[..., httpx.Client]) -> httpx.Client:
    """A client of the app over four users, for all tests of a module that read alone: nobody writes."""
    shared_scene.write(SCORES, counts=10)
    return shared()
