"""Connections that ask for nothing, for ever, or for too much; and everybody else meanwhile."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from fastapi import FastAPI, Request

from agents.api import serve, wire
from agents.api.app import create_api
from agents.api.wire import MOST_HEAD_BYTES, Patience
from tests.api.conftest import Scene

#: what never becomes a request
HALVES = {
    "nothing": b"",
    "a header that never ends": b"GET /livez HTTP/1.1\r\nhost: a\r\nx-slow: ",
    "a body that never ends": b"POST /taken HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{",
    "a second request": b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\nGET /livez HTTP/1.1\r\nhos",
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests have to be there within a second; there is a route that reads what anybody sends."""

    def with_one_more(*args: Any, **options: Any) -> FastAPI:
        app = create_api(*args, **options)

        @app.post("/taken")
        async def taken(request: Request) -> int:
            return len(await request.body())

        return app

    monkeypatch.setattr(wire, "ASKING_S", 1.0)
    monkeypatch.setattr(serve, "create_api", with_one_more)


def connect(page: httpx.Client) -> socket.socket:
    """A connection to the API."""
    return socket.create_connection((page.base_url.host, page.base_url.port), timeout=20)


def told(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


ANSWERS = dict(zip(HALVES, ([], [b"408"], [b"408"], [b"200"]), strict=True))


def test_a_request_that_never_is_one_ends(
    impatient: None, own_page: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """With 408, if any of it came by itself; who only holds a connection open is told nothing. None of it is an error of ours."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(own_page)) for _ in HALVES]
        for connection, half in zip(connections, HALVES.values(), strict=True):
            connection.sendall(half)
        for connection, (name, answers) in zip(connections, ANSWERS.items(), strict=True):
            said = told(connection).split(b"\r\n")
            assert (name, [line.split()[1] for line in said if line.startswith(b"HTTP/1.1")]) == (name, answers)
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_a_trickle_does_not_help(impatient: None, own_page: httpx.Client) -> None:
    """A byte now and then is no reason to wait for longer."""
    with connect(own_page) as connection:
        connection.sendall(HALVES["a header that never ends"])
        connection.settimeout(0.1)
        said = b""
        while not said:
            try:
                said = connection.recv(1_000)
            except TimeoutError:
                connection.sendall(b"x")
    assert said.startswith(b"HTTP/1.1 408")


def test_hundreds_of_them_hold_up_nobody(impatient: None, own_page: httpx.Client) -> None:
    """While they are open others are answered; in the end all of them are closed, and a stream that was open is not."""
    halves = list(HALVES.values())
    with own_page.stream("GET", "/v1/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines)
        connections = [connect(own_page) for _ in range(300)]
        try:
            for number, connection in enumerate(connections):
                connection.sendall(halves[number % len(halves)])
            assert own_page.get("/v1/users/x:ada").status_code == 200
            for connection in connections:
                told(connection)
        finally:
            for connection in connections:
                connection.close()
        while not next(lines).startswith("data:"):
            pass


def test_a_head_has_an_end(page: httpx.Client) -> None:
    """Nobody fills our memory with a header."""
    with connect(page) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nx-long: ")
        with pytest.raises(OSError, match=r"reset|Broken"):
            connection.sendall(b"x" * 100_000_000)
    assert page.get("/livez").status_code == 200


def test_a_long_head_is_one(page: httpx.Client) -> None:
    """Just below the limit."""
    assert page.get("/livez", headers={"x-long": "x" * (MOST_HEAD_BYTES - 1_000)}).status_code == 200


def test_a_body_is_no_head(impatient: None, own_page: httpx.Client) -> None:
    """What is sent on after the answer that it is too large is passed over, and the connection takes the next request."""
    with connect(own_page) as connection:
        connection.sendall(b"POST /taken HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
        for _ in range(30):
            connection.sendall(b"x" * 10_000)
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert b"HTTP/1.1 200 " in (left := told(connection))
        assert b" 431 " not in left


def test_beyond_the_most_it_is_said(
    monkeypatch: pytest.MonkeyPatch, scene: Scene, served: Callable[..., httpx.Client]
) -> None:
    """Who is one too many is told to come again; who was there goes on, and when somebody leaves there is room."""
    monkeypatch.setattr(serve, "most_connections", lambda: 2)
    page = served()
    assert page.get("/livez").status_code == 200
    with connect(page) as there:
        there.sendall(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
        assert there.recv(1_000).startswith(b"HTTP/1.1 200")
        with connect(page) as one_more:
            assert told(one_more).startswith(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2")
        assert page.get("/livez").status_code == 200
    assert page.get("/livez").status_code == 200


def test_all_files_that_the_system_gives(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The limit is raised as far as it may be; where that is not far it is said what to do."""
    resource = pytest.importorskip("resource")
    limits = {"set": (1_024, 4_000)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["set"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: limits.update(set=to))
    assert wire.most_connections() == 4_000 - wire.SPARE_FILES
    assert limits["set"] == (4_000, 4_000)
    assert "ulimit" in caplog.text


def test_who_does_not_take_the_last_words_is_cut_off() -> None:
    """Late after `ASKING_S`, once; cut off after `GONE_S`. What it asks next has its own time."""
    told: list[str] = []
    transport = SimpleNamespace(abort=lambda: told.append("cut off"), is_closing=lambda: "late" in told)
    one = Mock(asking=True, cycle=1, transport=transport, late=lambda: told.append("late"))
    patience = Patience([one])
    for at_s in (0.0, wire.ASKING_S - 1):
        patience.look(at_s)
    one.cycle = 2
    for at_s, expected in (
        (wire.ASKING_S, []),
        (2 * wire.ASKING_S - 1, []),
        (2 * wire.ASKING_S, ["late"]),
        (wire.ASKING_S + wire.GONE_S - 1, ["late"]),
        (wire.ASKING_S + wire.GONE_S, ["late", "cut off"]),
    ):
        patience.look(at_s)
        assert told == expected, at_s
