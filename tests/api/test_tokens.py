"""Tokens over a real Kafka: who may read, who may write, how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from agents.api import buckets
from agents.api.buckets import Buckets, address
from agents.api.door import is_open
from agents.api.serve import serving
from streams.settings import Settings
from tests.api.conftest import SCORES, Scene, now_ms
from tests.api.on_kafka import Topics, on, until
from tests.api.test_api import problem

Serve = Callable[..., httpx.Client]
RULE = {"when": {"falls": 5}}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - that is what it is about


@pytest.fixture
def topics(scene: Scene, kafka: str, prefix: str) -> Topics:
    """Topics of its own, and four users in Redis."""
    made = on(kafka, prefix, scene.settings)
    made.create()
    scene.write(SCORES)
    return made


def closed(serve: Serve, topics: Topics, **more: Any) -> httpx.Client:
    """A client of an API whose reads need a token, once it has read which there are."""
    own = topics.settings
    client = serve(**{"kafka": own.kafka, "topic_prefix": own.topic_prefix, "api_open": "false"} | more)
    until(lambda: client.get("/v1/leaderboard"), lambda answer: answer.status_code != 503)
    return client


def test_reads_need_a_token(topics: Topics, served: Serve) -> None:
    """Of any scope; 401 says how to bring one. Page, documentation and health need none."""
    header = topics.token("grafana", "read")
    client = closed(served, topics)
    for path in ("/v1/leaderboard", "/v1/users/x:ada", "/v1/stream", "/v1/nothing"):
        answer = client.get(path)
        assert "clout token add" in str(problem(answer, 401)["detail"])
        assert answer.headers["www-authenticate"] == 'Bearer realm="clout"'
        assert client.head(path).status_code == 401
    for path in ("/", "/docs", "/openapi.json", "/static/main.js", "/livez", "/readyz"):
        assert client.get(path).status_code == 200
    assert client.get("/v1/users/x:ada", headers=header).json()["user"] == "x:ada"
    assert client.head("/v1/users/x:ada", headers=header).status_code == 200
    assert client.options("/v1/leaderboard").status_code == 204


def test_clients_of_klout_bring_it_as_a_key(topics: Topics, served: Serve) -> None:
    """In `?key=`, there alone; who brings none, or a wrong one, gets the 403 that they know."""
    token = topics.token("old", "read")["Authorization"].removeprefix("Bearer ")
    client = closed(served, topics)
    for params in ({}, {"key": "bad"}):
        answer = client.get("/v2/user.json/1", params=params)
        assert (answer.status_code, answer.json()["status"]) == (403, 403)
    assert client.get("/v2/user.json/1", params={"key": token}).status_code == 404
    problem(client.get("/v1/leaderboard", params={"key": token}), 401)


def test_no_token_that_holds(topics: Topics, served: Serve) -> None:
    """Whatever it is, it lets nobody in."""
    client = closed(served, topics)
    for said in ("Bearer", "Bearer x", "Basic YTpi", "Bearer clout_" + "A" * 43, "Bearer \xff"):
        answer = client.get("/v1/leaderboard", headers={"Authorization": said.encode("latin-1")})  # type: ignore[dict-item]
        problem(answer, 401)
        given = said.removeprefix("Bearer").strip() and not said.startswith("Basic")
        assert ("invalid_token" in answer.headers["www-authenticate"]) == bool(given), said


def test_a_token_ends(topics: Topics, served: Serve) -> None:
    """By its time, by another of its name, and when it is removed: within a moment, without a restart."""
    over, good = (
        topics.token("old", "read", until=now_ms() - 1),
        topics.token("ann", "read", until=now_ms() + 3_600_000),
    )
    client = closed(served, topics)

    def status(header: dict[str, str]) -> int:
        return client.get("/v1/leaderboard", headers=header).status_code

    assert "has ended" in str(problem(client.get("/v1/leaderboard", headers=over), 401)["detail"])
    assert status(good) == 200
    other = topics.token("ann", "read")
    until(lambda: client.get("/v1/leaderboard", headers=other), lambda answer: answer.status_code == 200)
    assert status(good) == 401
    topics.send(b"token/ann", None)
    until(lambda: client.get("/v1/leaderboard", headers=other), lambda answer: answer.status_code == 401)


def test_a_write_needs_its_scope(topics: Topics, served: Serve) -> None:
    """403 says which is needed. Open reads change nothing about that."""
    read, write, admin = (topics.token(scope, scope) for scope in ("read", "write", "admin"))
    client = closed(served, topics, api_open="true")
    until(lambda: client.put("/v1/rules/low", json=RULE), lambda answer: answer.status_code != 503)
    problem(client.put("/v1/rules/low", json=RULE), 401)
    answer = client.put("/v1/rules/low", json=RULE, headers=read)
    assert problem(answer, 403)["needs"] == "write"
    assert 'error="insufficient_scope", scope="write"' in answer.headers["www-authenticate"]
    assert client.put("/v1/rules/low", json=RULE, headers=write).status_code == 202
    assert problem(client.delete("/v1/channels/ops", headers=write), 403)["needs"] == "admin"
    problem(client.delete("/v1/channels/ops", headers=admin), 404)
    assert client.delete("/v1/rules/low", headers=admin).status_code == 202


def test_every_write_is_behind_the_door(topics: Topics, served: Serve) -> None:
    """Whatever OpenAPI lists that is no read answers 401 without a token, and needs at least the scope write."""
    header = topics.token("grafana", "read")
    client = closed(served, topics, api_open="true")
    until(lambda: client.post("/v1/controls"), lambda answer: answer.status_code != 503)
    writes = [
        (method, path)
        for path, methods in client.get("/openapi.json").json()["paths"].items()
        for method in methods
        if method not in ("get", "head", "options") and path != "/v1/trial"  # which changes nothing: a read with a body
    ]
    assert len(writes) >= 11
    for method, template in writes:
        path = template.replace("{name}", "a").replace("{network}", "n")
        assert client.request(method, path).status_code == 401
        assert client.request(method, path, headers=header).status_code == 403


def test_until_tokens_are_read_nobody_is_let_in(scene: Scene, served: Serve) -> None:
    """503 with Retry-After, for reads that need one and for writes; health and open reads go on."""
    scene.write(SCORES)
    client = served(kafka="127.0.0.1:1", api_open="false")
    answer = client.get("/v1/leaderboard", headers={"Authorization": "Bearer x"})
    problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    assert client.get("/readyz").status_code == 200
    client = served(kafka="127.0.0.1:1")
    assert client.get("/v1/leaderboard").status_code == 200
    problem(client.put("/v1/rules/low", json=RULE), 503)


def test_limits(topics: Topics, served: Serve) -> None:
    """Each token has its own; without one the address has; 429 says when to come again, health is asked as often as one likes."""
    ann, bob = topics.token("ann", "read"), topics.token("bob", "read")
    client = closed(served, topics, api_limit=0)
    assert {client.get("/v1/leaderboard", headers=ann).status_code for _ in range(20)} == {200}
    client = closed(served, topics, api_open="true", api_limit=3)
    seen = [client.get("/v1/leaderboard").status_code for _ in range(5)]
    assert (seen[0], seen[-1]) == (200, 429)
    answer = client.get("/v1/leaderboard")
    problem(answer, 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert {client.get("/livez").status_code for _ in range(10)} == {200}
    client = closed(served, topics, api_limit=10)
    until(lambda: client.get("/v1/leaderboard", headers=bob), lambda answer: answer.status_code == 200)
    until(lambda: client.get("/v1/leaderboard", headers=ann), lambda answer: answer.status_code == 429)
    assert client.get("/v1/leaderboard", headers=bob).status_code == 200


def test_a_bucket_fills_again() -> None:
    """So many a minute; as many at once after silence; each has its own; old ones are forgotten."""
    now_s = [0.0]
    some = Buckets(60, lambda: now_s[0])
    assert [some.take("a") for _ in range(60)] == [0.0] * 60
    assert some.take("a") == pytest.approx(1.0)
    assert some.take("b") == 0.0
    now_s[0] = 0.5
    assert some.take("a") == pytest.approx(0.5)
    now_s[0] = 1.0
    assert some.take("a") == 0.0
    assert some.take("a") > 0
    now_s[0] = 3_600.0
    assert [some.take("a") for _ in range(60)] == [0.0] * 60
    assert some.take("a") > 0
    for number in range(buckets.MOST):
        some.take(str(number))
    assert some.take("a") == 0.0


def test_addresses() -> None:
    """IPv6 counts by its network of 64 bits; what is mapped is IPv4."""
    assert address("10.0.0.1") == "10.0.0.1"
    assert address("2001:db8:1:2:3::4") == address("2001:db8:1:2::9") != address("2001:db8:1:3::9")
    assert address("::ffff:10.0.0.1") == "10.0.0.1"
    assert address("fe80::1%eth0") == address("fe80::2")
    assert address("nonsense:") == "nonsense:"


@pytest.mark.parametrize(
    ("setting", "host", "expected"),
    [
        *(("loopback", host, True) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")),
        *(("loopback", host, False) for host in (EVERYWHERE, "10.0.0.1", "::", "clout.example", "")),
        ("true", EVERYWHERE, True),
        ("false", "127.0.0.1", False),
    ],
)
def test_where_reads_are_open(setting: str, host: str, *, expected: bool) -> None:
    """On a loopback address, and where it is said."""
    assert is_open(Settings(api_open=setting), host) is expected


def test_the_address_served_on_decides(scene: Scene) -> None:
    """Served for everybody, reads need a token by default."""
    with serving(scene.settings, host=EVERYWHERE) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/leaderboard", trust_env=False)
    assert answer.status_code in (401, 503)
