"""What is sent and how answers are taken, without an API: retries, errors, addresses, what is imported."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from agents.api.app import create_api
from agents.client import (
    AsyncClout,
    ClientError,
    Clout,
    Conflict,
    NotAvailable,
    NotLetIn,
    NotUnderstood,
    Refused,
    TooMany,
    Unreachable,
    WrongScope,
    reads,
    writes,
)
from agents.client.ask import Ask
from agents.client.calls import Call, Calls
from agents.local.embedded import free_port
from streams.errors import DependencyDown, UsageError
from streams.model.rules import Rule, When
from streams.settings import Settings
from tests.servers import ROOT

URL = "http://api.test/below"
RULES = {"items": [], "offset": None, "as_of": 5}
SENT = {"topic": "controls", "partition": 1, "offset": 7}
#: routes of /v1 that no call is for: a picture, and the stream, which has its own method
OTHERS = {("GET", "/v1/users/{id}/badge.svg"), ("GET", "/v1/users/{id}/card"), ("GET", "/v1/stream")}

Answers = list[httpx.Response]


def clout(answers: Answers, asked: list[httpx.Request] | None = None, **more: Any) -> Clout:
    """A client that is given these answers in their order."""
    return Clout(URL, http=httpx.Client(transport=_giving(answers, asked)), **more)


def _giving(answers: Answers, asked: list[httpx.Request] | None) -> httpx.MockTransport:
    def give(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        return answers.pop(0)

    return httpx.MockTransport(give)


def problem(status: int, after: str | None = None, **more: Any) -> httpx.Response:
    """As the API gives one."""
    body = {"type": "urn:clout:problem:x", "title": "X", "status": status, "detail": "what and where", **more}
    return httpx.Response(status, json=body, headers={"retry-after": after} if after else {})


def asks() -> Iterator[Ask[Any]]:
    """One of each call, with some arguments."""
    some: dict[str, Any] = {
        "id": "x:a", "ids": ["x:a", "x:b"], "q": "a", "body": {}, "user": "x:a", "person": "ann", "facts": {}, "topic": "jazz",
        "name": "n", "network": "x", "rule": {}, "silence": {}, "channel": {}, "token": {},
    }  # fmt: skip
    for build in (one._build for one in vars(Calls).values() if isinstance(one, Call)):
        names = build.__code__.co_varnames[: build.__code__.co_argcount]
        defaults = len(build.__defaults__ or ())
        yield build(*(some[name] for name in names[: len(names) - defaults]))


def test_there_is_a_call_for_each_route() -> None:
    """Whoever adds a route adds a call; no call is for a route that is not there."""
    paths = create_api(Settings()).openapi()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() if path.startswith("/v1/") for method in methods}

    def route(ask: Ask[Any]) -> tuple[str, str]:
        fitting = [path for path in paths if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), ask.path)]
        return ask.method, fitting[0]

    assert {route(ask) for ask in asks()} == there - OTHERS


def test_calls_are_public() -> None:
    """Each builder is a call of both clients, under its name and with its docstring."""
    built = {
        name: one
        for module in (reads, writes)
        for name, one in vars(module).items()
        if callable(one) and getattr(one, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert {name: one._build for name, one in vars(Calls).items() if isinstance(one, Call)} == built
    client = clout([])
    assert all(getattr(client, name).__doc__ == one.__doc__ for name, one in built.items())


def test_writes_are_as_the_topics_have_them() -> None:
    """Method, path and body; types of the code are taken as dictionaries are."""
    asked: list[httpx.Request] = []
    rule = Rule(name="low", when=When(below=40))
    with clout([httpx.Response(202, json=SENT) for _ in range(4)], asked, token="clout_x") as client:
        assert client.link("x:a", "ann").offset == 7
        client.put_rule("low", rule)
        client.remove_rule("a/b")
        client.begin_gap("y", since=5)
    bodies = [msgspec.json.decode(one.content) if one.content else None for one in asked]
    assert bodies == [
        {"type": "link", "user": "x:a", "person": "ann"},
        {"type": "rule", "name": "low", "when": {"below": 40}},
        None,
        {"since": 5},
    ]
    assert [(one.method, one.url.raw_path) for one in asked] == [
        ("POST", b"/below/v1/controls"),
        ("PUT", b"/below/v1/rules/low"),
        ("DELETE", b"/below/v1/rules/a%2Fb"),
        ("PUT", b"/below/v1/gaps/y"),
    ]
    assert {one.headers["authorization"] for one in asked} == {"Bearer clout_x"}


@pytest.mark.parametrize("status", [429, 503])
def test_it_is_asked_again_as_the_api_says(status: int) -> None:
    """Until there is an answer."""
    answers = [problem(status, "0"), problem(status, "0"), httpx.Response(200, json=RULES)]
    assert clout(answers).rules().as_of == 5
    assert answers == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(429, "31"), TooMany),
        (problem(503, "Fri, 31 Dec 9999 23:59:59 GMT"), NotAvailable),
        (problem(503), NotAvailable),
        (problem(401), NotLetIn),
        (problem(403, needs="write"), WrongScope),
        (problem(409, "0"), Conflict),
        (problem(500, "0"), Refused),
        (httpx.Response(502, text="<html>Bad  Gateway</html>"), Refused),
        (httpx.Response(307, headers={"location": "http://other.test/"}), Refused),
    ],
)
def test_it_is_not_asked_again(answer: httpx.Response, kind: type[Refused]) -> None:
    """Where that takes longer than one waits, where nobody said when, and where it is no use."""
    answers = [answer, httpx.Response(200, json=RULES)]
    with pytest.raises(kind) as error:
        clout(answers).rules()
    assert (type(error.value), len(answers), error.value.status) == (kind, 1, answer.status_code)
    if isinstance(error.value, WrongScope):
        assert error.value.needs == "write"
    if answer.status_code == 502:
        assert "<html>Bad Gateway</html>" in str(error.value)


def test_a_write_of_the_other_client() -> None:
    """Again, too."""
    answers = [problem(503, "0"), httpx.Response(202, json=SENT)]

    async def write() -> int:
        async with AsyncClout(URL, http=httpx.AsyncClient(transport=_giving(answers, None))) as client:
            return (await client.facts("x:a", {"followers": None})).partition

    assert asyncio.run(write()) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"items": 5}', b"\xff", b'{"items": [{"type": 5}]}'])
def test_what_is_no_answer(content: bytes) -> None:
    """Says what was asked, and what is wrong with what came."""
    with pytest.raises(NotUnderstood, match="GET /v1/rules: no Rules came"):
        clout([httpx.Response(200, content=content)]).rules()


def test_nobody_there() -> None:
    """Says where nobody was."""
    port = free_port()
    with Clout(f"http://127.0.0.1:{port}") as client, pytest.raises(Unreachable, match=f"{port}/v1/status"):
        client.status()


@pytest.mark.parametrize(
    "url", ["", "api.test", "ftp://api.test", "http://", "http://a/?b=c", "http://a:b/", "http://a/#b"]
)
def test_what_is_no_address(url: str) -> None:
    """Is said at once."""
    with pytest.raises(UsageError, match="address of an API"):
        Clout(url)


def test_what_is_no_token() -> None:
    """It is not shown."""
    with pytest.raises(UsageError) as error:
        Clout(URL, "geheim\r\nx: y")
    assert "geheim" not in str(error.value)


def test_without_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says what to install."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(DependencyDown, match=r"pip install 'clout\[client\]'"):
        Clout(URL)


def test_importing_is_light() -> None:
    """No arrays, no compiler, no client of Kafka or Redis, no server; not even httpx."""
    heavy = ("numpy", "numba", "httpx", "aiokafka", "kafka", "redis", "faust", "fastapi", "uvicorn", "orjson")
    script = f"import sys, agents.client; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_all_errors_have_one_root() -> None:
    """So one `except` takes them all."""
    kinds = [kind for kind in vars(sys.modules["agents.client.errors"]).values() if isinstance(kind, type)]
    assert all(issubclass(kind, ClientError) for kind in kinds if kind.__module__ == "agents.client.errors")
