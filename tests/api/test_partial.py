"""A shard that does not answer: what goes over all shards is marked, what is that shard's is a 503, nothing is silently short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from agents.api.lately import MOMENT_S, Lately
from streams.partitioner import partition_of
from streams.scoreboard import shards
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from tests.alerts import told
from tests.api import test_schemas
from tests.api.conftest import PARTITIONS, Scene
from tests.api.test_api import problem
from tests.api.test_schemas import DOCUMENT

Serve = Callable[..., httpx.Client]

SHARDS, LOST = 4, 2
SCORES = {f"x:u{n}": 20.0 + n for n in range(40)}
HERE = [user for user in SCORES if partition_of(user, PARTITIONS) % SHARDS != LOST]
GONE = [user for user in SCORES if user not in HERE]
KINDS = (
    "board",
    "users",
    "networks",
    "history",
    "influence",
    "topics",
    "pulse",
    "alerts",
    "user_alerts",
    "search",
    "ids",
)


@pytest.fixture
def wide(scene: Scene) -> Scene:
    """A scoreboard on four shards."""
    wide = Scene(replace(scene.settings, redis_shards=SHARDS))
    wide.write(SCORES, counts=10, alerts=(orjson.loads(told(HERE[0], 0)),))
    return wide


@contextmanager
def without_a_shard(settings: Any) -> Iterator[None]:
    """All keys of a shard are of another type while the block lasts: whatever is asked of it is an error."""
    keys = Keys(settings.redis_prefix, LOST)
    own = [getattr(keys, kind) for kind in KINDS] + [keys.board_of("x"), keys.topic("jazz"), keys.spread(LOST)]
    with connect_sync(settings) as redis:
        kept = {key: redis.dump(key) for key in own}
        redis.mset(dict.fromkeys(own, "no hash, no set, no stream"))
        try:
            yield
        finally:
            redis.delete(*own)
            for key, value in kept.items():
                if value:
                    redis.restore(key, 0, value)


def complaints(path: str, answer: Any) -> list[str]:
    """What of it is not as the OpenAPI document says."""
    route = path.partition("?")[0].replace(HERE[0], "{id}")
    schema = DOCUMENT["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return test_schemas.complaints(schema, answer)


def test_what_goes_over_all_shards_is_marked(wide: Scene, served: Serve) -> None:
    """200 with the shard that is missing and no ETag; without the mark once it is there again."""
    paths = (
        "/v1/leaderboard",
        "/v1/leaderboard?network=x",
        "/v1/distribution",
        f"/v1/compare?ids={HERE[0]},{HERE[1]}",
        f"/v1/users?ids={HERE[0]},{GONE[0]}",
        f"/v1/users/{HERE[0]}",
        f"/v1/users/{HERE[0]}/explain",
        "/v1/search?q=u",
        "/v1/alerts",
        "/v1/status",
        "/readyz",
    )
    client = served(**_of(wide))
    whole = {path: client.get(path) for path in paths}
    assert {path for path, answer in whole.items() if answer.status_code != 200 or "partial" in answer.json()} == set()
    with without_a_shard(wide.settings):
        for path in paths:
            part = _once(client, path, lambda answer: "partial" in answer.json())
            assert (path, part.status_code, part.json()["partial"]["shards"]) == (path, 200, [LOST])
            assert complaints(path, part.json()) == [], path
            assert "etag" not in part.headers
            assert part.headers["cache-control"] == "no-store"
    for path, before in whole.items():
        again = _once(client, path, lambda answer: "partial" not in answer.json())
        assert again.json().keys() == before.json().keys()


def test_who_is_on_it_is_not_unknown(wide: Scene, served: Serve) -> None:
    """503 and Retry-After; those of other shards are answered, and what is theirs alone is not marked."""
    client = served(**_of(wide))
    with without_a_shard(wide.settings):
        for part in ("", "/history", "/explain", "/influence", "/topics", "/moments", "/alerts", "/badge.svg"):
            answer = client.get(f"/v1/users/{GONE[0]}{part}")
            problem(answer, 503)
            assert answer.headers["retry-after"] == "2"
            other = client.get(f"/v1/users/{HERE[0]}{part}")
            assert other.status_code == 200
            assert ("partial" in other.text) == (part in ("", "/explain")), part


def test_where_nothing_sensible_is_left(wide: Scene, served: Serve) -> None:
    """503, for the shard that is missing may have it: no 404."""
    paths = (
        f"/v1/users?ids={GONE[0]},{GONE[1]}",
        f"/v1/compare?ids={HERE[0]},{GONE[0]}",
        "/v1/leaderboard?topic=jazz",
        "/v1/leaderboard?network=nowhere",
        "/v2/identity.json/twitter?screenName=u1",
    )
    client = served(**_of(wide))
    with without_a_shard(wide.settings):
        for path in paths:
            problem(client.get(path), 503)


def test_unknown_is_whom_nobody_knows(wide: Scene, served: Serve) -> None:
    """Of several users those on the shard are neither found nor unknown."""
    client = served(**_of(wide))
    nobody = next(f"x:n{n}" for n in range(99) if partition_of(f"x:n{n}", PARTITIONS) % SHARDS != LOST)
    with without_a_shard(wide.settings):
        body = client.get(f"/v1/users?ids={HERE[0]},{GONE[0]},{nobody}").json()
    assert [one["user"] for one in body["items"]] == [HERE[0]]
    assert body["unknown"] == [nobody]
    assert body["partial"]["shards"] == [LOST]


def test_pages_behind_a_partial_one_say_so(wide: Scene, served: Serve) -> None:
    """Whoever was left out may stand above the next page, which is not whole although all shards answer."""
    client, other = served(**_of(wide)), served(**_of(wide))
    with without_a_shard(wide.settings):
        first = client.get("/v1/leaderboard?limit=3").json()
    assert not {one["user"] for one in first["items"]} & set(GONE)
    second = other.get("/v1/leaderboard", params={"limit": 3, "cursor": first["next"]}).json()
    assert second["partial"]["shards"] == [LOST]
    third = other.get("/v1/leaderboard", params={"limit": 3, "cursor": second["next"]}).json()
    assert third["partial"]["shards"] == [LOST]
    assert "partial" not in other.get("/v1/leaderboard?limit=3").json()


def test_a_part_is_shared_with_its_mark() -> None:
    """What many requests share is kept for a moment, partial or not: all who get a part know, strict ones get the error."""

    async def story() -> None:
        now_s, lately, why = [0.0], Lately(lambda: now_s[0]), RedisConnectionError("gone")

        async def read() -> int:
            if now_s[0] < MOMENT_S:
                shards.note({LOST: why})
            return 1

        for _ in range(2):
            with shards.partly() as left_out:
                assert await lately.get("a", read) == 1
                assert left_out == {LOST: why}
            with pytest.raises(RedisConnectionError, match="gone"):
                await lately.get("a", read)
        now_s[0] = MOMENT_S
        with shards.partly() as left_out:
            assert await lately.get("a", read) == 1
            assert not left_out

    asyncio.run(story())


def test_a_shard_that_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for ever, and who asks next does not wait for it again; strict readers wait as the client does."""
    monkeypatch.setattr(shards, "PATIENCE_S", 0.01)
    some, asked = shards.Shards([Keys("t", 0), Keys("t", 1)], PARTITIONS), []

    async def ask(keys: Keys) -> int:
        asked.append(keys.shard)
        if keys.shard == 1:
            await asyncio.Event().wait()
        return keys.shard

    async def story() -> None:
        for _ in range(3):
            with shards.partly() as left_out:
                assert await some.each(ask) == [0]
                assert list(left_out) == [1]
        assert sorted(asked) == [0, 0, 0, 1]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(some.each(ask), 0.05)

    asyncio.run(story())


def _of(scene: Scene) -> dict[str, Any]:
    return {"redis_shards": scene.settings.redis_shards}


def _once(client: httpx.Client, path: str, good: Callable[[httpx.Response], bool]) -> httpx.Response:
    """What was read before is answered for 250 ms more."""
    while not good(answer := client.get(path)):
        pass
    return answer
