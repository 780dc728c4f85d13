"""A user, health and problems, over a real Redis."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import httpx
import pytest

from agents.api.serve import serving
from streams.errors import UsageError
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from tests.api.conftest import Scene, now_ms

DAY_MS = 86_400_000


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "instance"} <= body.keys()
    return body


def test_user_has_rank_and_percentile(page: httpx.Client) -> None:
    """A user's record comes with the place among all and the share of users below."""
    body = page.get("/v1/users/x:ada").json()
    assert (body["user"], body["rank"], body["of"]) == ("x:ada", 1, 4)
    assert 75 <= body["percentile"] <= 100
    assert page.get("/v1/users/x:cy").json()["rank"] == 4


def test_user_is_decayed_to_now(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """A score stored a quarter ago is shown as it is today: lower, and as of now."""
    scene.write({"x:old": 80.0}, at_ms=now_ms() - 90 * DAY_MS)
    body = served().get("/v1/users/x:old").json()
    assert abs(body["as_of"] - now_ms()) < 60_000
    assert 60.0 < body["score"] < 75.0


def test_stream_clock_is_the_newest_event(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """With the stream clock now is the newest event time of any partition, however long ago that was."""
    then = now_ms() - 90 * DAY_MS
    scene.write({"x:old": 80.0}, at_ms=then)
    client = served(clock="stream")
    assert client.get("/v1/users/x:old").json()["as_of"] == then
    assert client.get("/v1/leaderboard").json()["as_of"] == then


def test_an_account_of_a_person_is_ranked_on_its_networks_board(scene: Scene, own_page: httpx.Client) -> None:
    """It says so, and has no percentile, being counted nowhere else."""
    assert own_page.get("/v1/users/x:cy").json()["board"] is None
    with connect_sync(scene.settings) as redis:
        redis.zrem(Keys(scene.settings.redis_prefix, 0).board, "x:cy")
    body = own_page.get("/v1/users/x:cy").json()
    assert (body["board"], body["rank"], body["of"], body["percentile"]) == ("x", 4, 4, None)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/v1/leaderboard", 405)])
def test_every_error_is_a_problem(page: httpx.Client, method: str, path: str, status: int) -> None:
    """Errors of the framework have the same shape as ours."""
    problem(page.request(method, path), status)


def test_page_needs_nothing_from_elsewhere(page: httpx.Client) -> None:
    """The page and what it loads come from here, under a policy that allows nothing else, and nothing inline."""
    text = page.get("/").text
    for name in ("static/main.js", "static/style/base.css"):
        assert name in text
        answer = page.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "//" not in answer.text.replace("// ", "")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    policy = page.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_openapi_lists_the_reads(page: httpx.Client) -> None:
    """OpenAPI is published."""
    paths = page.get("/openapi.json").json()["paths"]
    assert {
        "/v1/users/{id}",
        "/v1/users/{id}/explain",
        "/v1/leaderboard",
        "/v1/stream",
        "/livez",
        "/readyz",
    } <= paths.keys()
    for path, operations in paths.items():
        assert all(one["summary"] for one in operations.values())
        told = operations.get("get")
        if told is None:  # writes alone
            continue
        if path.startswith("/v1/") and path != "/v1/stream":
            assert all("example" in content for content in told["responses"]["200"]["content"].values()), path
            assert {"422", "503"} <= told["responses"].keys(), path


def test_ready_with_a_fresh_pulse(page: httpx.Client) -> None:
    """While partitions pulse, the page is ready and says how many do."""
    answer = page.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["partitions"] == {"fresh": 4, "seen": 4, "of": 4}


@pytest.mark.parametrize("clock", ["wall", "stream"])
def test_not_ready_without_a_fresh_pulse(scene: Scene, served: Callable[..., httpx.Client], clock: str) -> None:
    """Without any pulse, or with old ones only, it is alive but not ready, and says why; a new pulse makes it ready."""
    client = served(clock=clock)
    assert client.get("/readyz").status_code == 503
    scene.write({"x:a": 50.0}, at_ms=now_ms() - 3_600_000)
    client = served(clock=clock)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "pulse" in answer.json()["reason"]
    assert client.get("/livez").status_code == 200
    scene.write({"x:a": 51.0})
    assert client.get("/readyz").status_code == 200


def test_redis_down(served: Callable[..., httpx.Client]) -> None:
    """Without Redis it is alive, not ready, and reads answer 503 problems."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        client = served(redis=f"redis://127.0.0.1:{nobody.getsockname()[1]}/0")
        began_s = time.monotonic()
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "Redis does not answer")
        assert time.monotonic() - began_s < 4
        assert client.get("/livez").status_code == 200
        answer = client.get("/v1/users/x:a")
        problem(answer, 503)
        assert answer.headers["retry-after"] == "2"
        for path in (
            "users?ids=x:a",
            "compare?ids=x:a,x:b",
            "leaderboard",
            "distribution",
            "alerts",
            "rules",
            "status",
        ):
            problem(client.get(f"/v1/{path}"), 503)


def test_taken_port_is_said_plainly(redis_url: str) -> None:
    """A port that somebody has is a usage error that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)), serving(Settings(redis=redis_url), port):
            pass
