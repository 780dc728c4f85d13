"""HEAD and OPTIONS: what load balancers, probes and `curl -I` ask."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from agents.worker.health import Health
from tests.api.conftest import SCORES, Scene

PATHS = (
    "/",
    "/docs",
    "/static/main.js",
    "/openapi.json",
    "/livez",
    "/readyz",
    "/metrics",
    "/v1/leaderboard",
    "/v1/leaderboard?limit=none",
    "/v1/users?ids=x:ada,x:nobody",
    "/v1/users/x:ada",
    "/v1/users/x:ada/history",
    "/v1/users/x:ada/badge.svg",
    "/v1/users/x:ada/card",
    "/v1/users/x:nobody",
    "/v1/compare?ids=x:ada,x:cy",
    "/v1/boards",
    "/v1/distribution",
    "/v1/alerts",
    "/v1/rules",
    "/v1/status",
    "/nothing",
)
CHANGING = {"x-request-id", "date", "content-length"}  # a body with a time in it has another length each time


def shown(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in CHANGING}


@pytest.fixture(scope="module")
def client(shared_scene: Scene, shared: Callable[..., httpx.Client]) -> httpx.Client:
    """The app beside a worker: with every route there is."""
    shared_scene.write(SCORES, counts=10)
    return shared(Health())


def test_head_is_get_without_the_body(client: httpx.Client) -> None:
    """The same status and the same headers on every route, also on those that refuse; and the connection goes on."""
    for path in PATHS:
        get, head = client.get(path), client.head(path)
        assert (path, head.status_code, head.content) == (path, get.status_code, b"")
        assert shown(head) == shown(get), path
        assert ("content-length" in head.headers) == ("content-length" in get.headers), path


def test_head_of_the_stream_ends(client: httpx.Client) -> None:
    """It has the stream's headers and is over at once: the client would wait ten seconds and fail."""
    with client.stream("GET", "/v1/stream") as get:
        expected = shown(get)
    head = client.head("/v1/stream")
    assert (head.status_code, head.content) == (200, b"")
    assert shown(head).items() == expected.items() - {("transfer-encoding", "chunked")}  # there is nothing to transfer
    assert client.get("/livez").status_code == 200


def test_head_without_redis_is_a_503(served: Callable[..., httpx.Client]) -> None:
    """Without Redis the answer is the same problem as for GET, without its body."""
    client = served(redis="redis://127.0.0.1:1/0")
    for path in ("/v1/leaderboard", "/readyz"):
        get, head = client.get(path), client.head(path)
        assert (get.status_code, head.status_code, head.content) == (503, 503, b"")
        assert head.headers["content-type"] == get.headers["content-type"]


def test_all_methods_of_a_path_are_told(client: httpx.Client) -> None:
    """Those of all its routes, where several have it."""
    for path in ("/v1/rules/a", "/v1/gaps/x", "/v1/tokens/a"):
        for answer in (client.options(path), client.post(path)):
            assert answer.headers["allow"] == "DELETE, OPTIONS, PUT"


def test_options_says_what_is_allowed(client: httpx.Client) -> None:
    """HAProxy asks it when told nothing else, and takes 405 for a server that is down. Foreign pages get no leave by it."""
    for path in ("/", "/livez", "/v1/leaderboard", "/v1/stream", "/v1/users/x:ada", "/static/main.js", "/metrics"):
        answer = client.options(path, headers={"Origin": "http://elsewhere.example"})
        assert (path, answer.status_code, answer.content) == (path, 204, b"")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
        assert not [name for name in answer.headers if name.startswith("access-control") or name == "content-length"]
    nothing = client.options("/nothing")
    assert (nothing.status_code, nothing.json()["status"]) == (404, 404)


def test_a_slash_at_the_end_leads_to_the_same_place(client: httpx.Client) -> None:
    """By a path, whatever name and scheme the asker used: a proxy in between has others."""
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/v1/leaderboard", "/v1/stream"):
        for ask in (client.get, client.head):
            answer = ask(f"{path}/?n=2", headers={"Host": "clout.example"})
            assert (answer.status_code, answer.headers["location"]) == (307, f"{path}?n=2")


def test_other_methods_are_still_refused(client: httpx.Client) -> None:
    """And told that HEAD is allowed; the API document does not speak of it, as GET says it all."""
    answer = client.post("/livez")
    assert answer.status_code == 405
    assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
    methods = {method for path in client.get("/openapi.json").json()["paths"].values() for method in path}
    assert methods == {"get", "put", "post", "delete"}
