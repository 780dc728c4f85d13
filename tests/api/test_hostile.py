"""What strangers send, on every route of the OpenAPI document: a route that is new joins by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import orjson
import pytest

from agents.api.app import create_api
from agents.api.cursors import text_of
from agents.api.problems import Problem
from agents.api.skin import MOST_BODY_BYTES, Bodies
from agents.local.embedded import free_port
from streams.people.checks import bad_user
from streams.scoreboard.boards import Listed
from streams.settings import Settings
from tests.api.conftest import SCORES, Scene
from tests.api.test_api import problem

Serve = Callable[..., httpx.Client]

DOCUMENT = create_api(Settings()).openapi()
#: endless; and of no data
APART = ("/v1/stream", "/livez")
IDS = (
    "x:<script>alert(1)</script>",
    "x:\"'><img src=x onerror=alert(1)>]]>&amp;",
    "x:'); redis.call('FLUSHALL') --",
    "clout:{0}:board",
    "x:{0}:users",
    "x:*",
    "x:[a-z]?",
    "x:../../../etc/passwd",
    "x:a/history",
    "x:%2F%00%0d%0a",
    "x:\U0001f408\u200d\U0001f525",
    "x:\u202eevil",
    "x:\uffff",
    "x:" + "a" * 256,
    "x:" + "\U0001f408" * 64,
    "n" * 64 + ":a",
)
REFUSED = (
    "x:a\r\nset-cookie: a=b",
    "x:a\0b",
    "x:\u2028",
    "x:" + "a" * 257,
    "n" * 65 + ":a",
    "x" * 10_000,
    ":",
    "x:",
    " ",
)
#: as they stand in an address: what is no UTF-8, not encoded right, or encoded twice
RAW = ("x:%c0%af", "x:%c0%80", "x:%ff", "x:%ed%a0%80", "x:%", "x:%zz", "x:%252e%252e%252f", "..%2f..%2fetc%2fpasswd")


def operations(method: str = "get") -> Iterator[tuple[str, list[str], list[str]]]:
    """Each path of the document that has this method, its parameters in the path and those in the query."""
    for path, methods in DOCUMENT["paths"].items():
        if method in methods and path not in APART:
            told = methods[method].get("parameters", [])
            yield path, *([one["name"] for one in told if one["in"] == where] for where in ("path", "query"))


def asked(text: str) -> Iterator[str]:
    """Addresses with this text, encoded: in the path, alone and with all of the query; else in one parameter after the other."""
    for path, inside, query in operations():
        whole = path
        for name in inside:
            whole = whole.replace(f"{{{name}}}", text)
        every = [f"{name}={text}" for name in query]
        yield from (f"{whole}?{one}" for one in (every if not inside else ["&".join(every)]))
        if inside:
            yield whole


def sound(answer: httpx.Response) -> None:
    """It is as it would be for anybody: whole, of a type that says what it is, with no header that was asked for."""
    where = answer.request.url
    assert answer.status_code in (200, 307, 403, 404, 422), (where, answer.text)
    assert "set-cookie" not in answer.headers, where
    assert answer.headers["x-content-type-options"] == "nosniff"
    kind = answer.headers.get("content-type", "")
    if "json" in kind:
        assert orjson.loads(answer.content) is not None, where
    elif kind.startswith("image/svg+xml"):
        ElementTree.fromstring(answer.text)  # noqa: S314 - our own
    elif where.path.endswith("/card"):
        assert kind.startswith("text/html"), where
        assert "<script" not in answer.text, where
        assert "<img" not in answer.text, where
    else:
        assert kind.startswith("text/csv") or answer.status_code == 307, (where, kind)


def test_any_text_in_any_place(scene: Scene, served: Serve) -> None:
    """Users who are called so, in the path and in every parameter of the query; nothing of it is lost or is taken for more."""
    scene.write(dict.fromkeys(IDS, 50.0) | SCORES)
    client = served(idle_s=600)
    assert not [user for user in IDS if bad_user(user)]
    for text in (*(quote(one, safe="") for one in (*IDS, *REFUSED)), *RAW):
        for address in asked(text):
            sound(client.get(address))
    for user in IDS:
        assert client.get(f"/v1/users/{quote(user, safe='')}").json()["user"] == user
        badge = client.get(f"/v1/users/{quote(user, safe='')}/badge.svg")
        tags = {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(badge.text).iter()}  # noqa: S314 - our own
        assert tags == {"svg", "title", "rect", "path", "text"}


def test_who_cannot_be(page: httpx.Client) -> None:
    """422 that names the field, on each route of a user."""
    for path, inside, _ in operations():
        if inside == ["id"]:
            for text in (*(quote(one, safe="") for one in REFUSED), *RAW[:4]):
                body = problem(page.get(path.replace("{id}", text)), 422)
                assert [one["at"] for one in body["errors"]] == ["path.id"], (path, text)
                assert len(body["instance"]) <= 1_000


def test_cursors_from_elsewhere(page: httpx.Client) -> None:
    """Of another board or stream, cut, edited or made up: 422, and the field is named."""
    own = text_of(None, None, 1, Listed(1.0, "x:a"))
    edited = (text_of(None, None, rank, Listed(1.0, "x:a")) for rank in (0, -1, 10**30))
    others = (text_of("y", None, 1, Listed(1.0, "x:a")), text_of(None, "jazz", 1, Listed(1.0, "x:a")))
    made_up = ("1796055131336-0", "1-0,1-0", "$", "W10", "é", "\0", "W1tb" * 200, "A" * 1_001)
    for cursor in (own[:-2], f"{own}AAAA", *edited, *others, *made_up):
        body = problem(page.get("/v1/leaderboard", params={"cursor": cursor}), 422)
        assert "query.cursor" in str(body["detail"]), cursor
    assert page.get("/v1/leaderboard", params={"cursor": own}).status_code == 200


def test_more_than_there_may_be(page: httpx.Client) -> None:
    """Lists that are too long are refused; of a parameter that is given twice the last counts, but for lists."""
    many = ",".join(f"x:{n}" for n in range(5_000))
    for path in ("/v1/users", "/v1/compare"):
        assert "5000 different ids" in str(problem(page.get(f"{path}?ids={many}"), 422)["detail"])
    assert page.get("/v1/users?" + "&".join(["ids=x:ada"] * 2_000)).json()["items"][0]["user"] == "x:ada"
    assert len(page.get("/v1/leaderboard?limit=3&limit=2").json()["items"]) == 2
    assert "query.limit" in str(problem(page.get("/v1/leaderboard?limit=2&limit=x"), 422)["detail"])


def test_headers(page: httpx.Client) -> None:
    """What is sent in them comes back in none, but for an id that is plain."""
    for name, value in (
        ("x-request-id", "a\tb"),
        ("x-request-id", "a" * 65),
        ("x-request-id", "<b>"),
        ("host", "evil<>"),
    ):
        answer = page.get("/v1/users/x:ada", headers={name: value})
        assert answer.status_code == 200
        assert value not in str(answer.headers)
    assert page.get("/livez", headers={"x-request-id": "ok-1"}).headers["x-request-id"] == "ok-1"
    for accept, kind in (("text/csv;q=0", "json"), ("text/csv;q=x", "json"), ("text/csv;q=0.2, application/json", "json"),
                         ("text/csv", "csv"), ("*/*;q=0.1, Text/CSV", "csv"), ("", "json")):  # fmt: skip
        answer = page.get("/v1/users/x:ada/history", headers={"accept": accept})
        assert kind in answer.headers["content-type"], accept
    assert page.get("/v1/users/x:ada", headers={"if-none-match": "W/" * 5_000}).status_code == 200


ON_THE_WIRE = (
    (b"GET /v1/users/x:a\0b HTTP/1.1", 400),
    (b"GET /v1/users/x:\xff\xfe HTTP/1.1", 400),
    (b"GET //evil.example/%2e%2e HTTP/1.1", 404),
    (b"GET http://evil.example/v1/nothing HTTP/1.1", 404),
    (b"GET /static/..%2f..%2fapp.py HTTP/1.1", 404),
    (b"GET /static/%2e%2e/app.py HTTP/1.1", 404),
    (b"GET /static/%00 HTTP/1.1", 404),
    (b"GET /" + b"a" * 50_000 + b" HTTP/1.1", 404),
    (b"POST /v1/controls HTTP/1.1\r\ncontent-length: 100000000", 413),
    (b"POST /v1/controls HTTP/1.1\r\ncontent-length: -1", 400),
)


def test_on_the_wire(page: httpx.Client) -> None:
    """What no client would send; a body of 100 MB is refused before it comes, and no answer is as long as the question."""
    for head, status in ON_THE_WIRE:
        with socket.create_connection((page.base_url.host, page.base_url.port or 0), 20) as connection:
            connection.sendall(head + b"\r\nhost: a\r\nconnection: close\r\n\r\n")
            answer = b"".join(iter(partial(connection.recv, 65_536), b""))
        assert answer.startswith(b"HTTP/1.1 %d " % status), head[:80]
        assert len(answer) < 3_000


def test_a_body_without_a_length() -> None:
    """It is read up to what a body may have, and not further."""
    taken = 0

    async def endless() -> dict[str, Any]:
        nonlocal taken
        taken += 10_000
        return {"type": "http.request", "body": b" " * 10_000, "more_body": True}

    async def reads_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    with pytest.raises(Problem) as caught:
        asyncio.run(Bodies(reads_all)({"type": "http", "method": "POST", "headers": []}, endless, None))
    assert caught.value.status == 413
    assert taken < MOST_BODY_BYTES + 10_000


def test_nothing_there(served: Serve) -> None:
    """Without Redis and Kafka every route, reads and writes, is a 503 that says when to ask again."""
    client = served(redis=f"redis://127.0.0.1:{free_port()}/0", kafka=f"127.0.0.1:{free_port()}")
    values = {"ids": "x:ada,x:cy", "q": "a", "id": "x:ada", "ident": "1"}

    def ask(of: tuple[str, str, list[str], list[str]]) -> tuple[str, Any, Any]:
        method, path, inside, query = of
        for name in inside:
            path = path.replace(f"{{{name}}}", values.get(name, "x"))
        needed = {name: values[name] for name in query if name in values}
        body = {"when": {"falls": 1.5}} if path == "/v1/trial" else None  # which is looked at before anything is read
        answer = client.request(method, path, params=needed, json=body)
        return f"{method} {path}", answer.status_code, answer.headers.get("retry-after")

    every = [(method, *told) for method in ("get", "put", "post", "delete") for told in operations(method)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, every))
    assert [one for one in answers if one[1:] != (503, "2")] == []
    assert len(answers) > 30
