"""Two API processes over a Redis Cluster: the same answers from both, also while one of its masters is away."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams.partitioner import partition_of
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from tests.api.conftest import PARTITIONS, Scene
from tests.cli.test_api import running
from tests.scoreboard.masters import masters, until

SHARDS = 4
SCORES = {f"x:u{n}": 20.0 + n for n in range(40)}
STABLE = ("/v1/leaderboard?network=x", "/v1/distribution", "/v1/compare?ids=x:u1,x:u2", "/v1/search?q=x:u1")


def pages(clients: tuple[httpx.Client, httpx.Client], limit: int = 15) -> list[dict[str, Any]]:
    """All pages of the leaderboard, each from the other process than the one before."""
    found, cursor = [], None
    while not found or cursor:
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = clients[len(found) % 2].get("/v1/leaderboard", params=params)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        cursor = found[-1]["next"]
    return found


def users(found: list[dict[str, Any]]) -> list[str]:
    """Who is on these pages."""
    return [one["user"] for page in found for one in page["items"]]


def near(found: Any) -> Any:
    """To compare with: without moments, and scores as they are shown, for they decay from one answer to the next."""
    if isinstance(found, dict):
        return {name: near(value) for name, value in found.items() if name not in ("as_of", "age_ms")}
    if isinstance(found, list):
        return [near(one) for one in found]
    return pytest.approx(found, abs=0.01) if isinstance(found, float) else found


def timeless(found: Any) -> Any:
    """Without moments."""
    if isinstance(found, dict):
        return {name: timeless(value) for name, value in found.items() if name not in ("as_of", "age_ms")}
    return [timeless(one) for one in found] if isinstance(found, list) else found


def test_two_processes_and_three_masters(tmp_path: Path) -> None:
    """Pages with cursors of the other, equal ETags; a master is killed: marked; it comes back and is filled: whole."""
    with ExitStack() as stack:
        cluster = stack.enter_context(masters(tmp_path))
        url = f"redis://127.0.0.1:{cluster[0].server.port}/0"
        scene = Scene(
            Settings(redis=url, redis_prefix="t", partitions=PARTITIONS, redis_shards=SHARDS, redis_cluster=True)
        )
        scene.write(SCORES)
        # what was written is fresh until the end
        own = {"CLOUT_REDIS_SHARDS": str(SHARDS), "CLOUT_REDIS_CLUSTER": "true", "CLOUT_IDLE_S": "600"}
        both = [stack.enter_context(running(scene, **own)) for _ in range(2)]
        one, other = clients = (both[0][1], both[1][1])

        assert users(pages(clients)) == sorted(SCORES, key=lambda user: -SCORES[user])
        for path in STABLE:
            assert timeless(one.get(path).json()) == near(other.get(path).json()), path
        tags = [client.get("/v1/users/x:u5").headers["etag"] for client in clients]
        assert tags[0] == tags[1]
        assert other.get("/v1/users/x:u5", headers={"if-none-match": tags[0]}).status_code == 304

        lost = cluster[1]
        gone = [n for n in range(SHARDS) if lost.serves(Keys("t", n).board)]
        away = [user for user in SCORES if partition_of(user, PARTITIONS) % SHARDS in gone]
        assert 0 < len(away) < len(SCORES)
        lost.server.stop()
        until(lambda: all("partial" in page for page in pages(clients)))  # not what was read a moment before
        part = pages(clients)
        assert [page["partial"]["shards"] for page in part] == [gone] * len(part)
        assert users(part) == sorted(SCORES.keys() - set(away), key=lambda user: -SCORES[user])
        assert {client.get(f"/v1/users/{away[0]}").status_code for client in clients} == {503}
        assert {client.get("/readyz").status_code for client in clients} == {200}

        lost.server.start()
        until(lambda: all(master.whole() for master in cluster))
        scene.write(SCORES)
        until(lambda: not any("partial" in page for page in pages(clients)))
        assert users(pages(clients)) == sorted(SCORES, key=lambda user: -SCORES[user])
        assert one.get(f"/v1/users/{away[0]}").json()["rank"] == other.get(f"/v1/users/{away[0]}").json()["rank"]
