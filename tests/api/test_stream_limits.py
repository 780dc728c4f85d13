"""How streams end: listeners that are slow, old or too many; and what is bounded for each."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest

from agents.api import serve
from agents.api.stream.hub import Limits
from agents.api.stream.listener import Listener, Wish
from agents.api.stream.mailbox import REASONS, Mailbox
from agents.api.stream.positions import START
from agents.api.stream.response import EventStream
from agents.worker.health import Health
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from tests.api.conftest import SCORES, Scene
from tests.api.listening import listening
from tests.api.test_stream import serving_with_hub, until
from tests.api.test_stream_listener import ALONE, Around, play

ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux cuts off who takes nothing")


def test_too_many_are_refused(scene: Scene) -> None:
    """With a problem that says when to come back; who leaves makes room."""
    scene.write(SCORES)
    with serving_with_hub(scene, listeners=1) as (client, hub):
        with listening(client) as stream:
            stream.until("snapshot")
            answer = client.get("/v1/stream")
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:clout:problem:too-many-streams")
            assert answer.headers["retry-after"]
        until(lambda: not hub.clients)
        with listening(client) as stream:
            stream.until("snapshot")


def test_an_old_stream_ends_and_goes_on(scene: Scene) -> None:
    """With the reason, whatever is going on; the last id is where the next one begins."""
    scene.write(SCORES)
    with serving_with_hub(scene, age_s=0.5) as (client, hub):
        with listening(client, users="x:ada") as stream:
            assert stream.until("closed")["reason"] == "age"
            assert next(iter(stream), None) is None
        until(lambda: hub.ended == {"age": 1})
        with listening(client, stream.cursor, users="x:ada") as again:
            scene.write({"x:ada": 33.0})
            again.until("scores")
            assert [frame.event for frame in again.frames] == ["scores"]


@ONLY_LINUX
def test_who_takes_nothing_is_let_go(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not read while much is sent: its place is free after the limit of a send, then its connection is cut off.

    The others notice nothing.
    """
    monkeypatch.setattr(serve, "UNREAD_MS", 2_000)
    caplog.set_level("INFO")
    scene.write(SCORES)
    redis, key = connect_sync(scene.settings), Keys(scene.settings.redis_prefix, 0).updates
    users = [[f"x:{number:0200}", 1.5, None] for number in range(1_000)]
    batch = orjson.dumps({"partition": 0, "as_of": 1, "users": users})
    with serving_with_hub(scene, send_s=0.8) as (client, hub), socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect((client.base_url.host, client.base_url.port or 0))
        deaf.sendall(b"GET /v1/stream HTTP/1.1\r\nhost: x\r\n\r\n")
        with listening(client, users="x:ada") as other:
            other.until("snapshot")
            until(lambda: hub.clients == 2)
            until(lambda: bool(redis.xadd(key, {"batch": batch})) and hub.ended["slow"] == 1)
            assert hub.clients == 1
            scene.write({"x:ada": 33.0})
            assert other.until("scores")["users"][0]["score"] == 33.0
            until(lambda: "route=/v1/stream status=200" in caplog.text)  # the request of the one is over
    assert "reason=slow" in caplog.text
    assert "without completing" not in caplog.text


def test_a_send_that_does_not_end_ends_the_stream() -> None:
    """After its limit the place in the hub is free, and the request ends when the connection has."""

    async def story() -> None:
        around, closed, there, said = Around(), asyncio.Event(), list[Listener](), list[str]()
        around.write(1)
        wish = Wish(ALONE, position=(START, START))

        @contextlib.contextmanager
        def listening(_: Wish) -> Iterator[Listener]:
            there.append(around.listener(wish))
            yield there[0]
            said.append(there[0].box.over)

        async def send(message: dict[str, Any]) -> None:
            if b"event: scores" in message.get("body", b""):
                await asyncio.Event().wait()

        async def receive() -> dict[str, str]:
            await closed.wait()
            return {"type": "http.disconnect"}

        hub: Any = SimpleNamespace(limits=Limits(send_s=0.05), listening=listening)
        answer = asyncio.create_task(EventStream(hub, wish)({}, receive, send))
        while not said:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        assert said == ["slow"]
        assert not answer.done()
        closed.set()
        await answer

    play(story)


def test_metrics_say_how_many_listen_and_why_streams_ended(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """Beside a worker."""
    scene.write(SCORES)
    client = served(Health(), api_stream_age_s=1.0)
    with listening(client, users="x:ada") as stream:
        stream.until("snapshot")
        assert "clout_streams_open 1.0" in client.get("/metrics").text
        stream.until("closed")
    until(lambda: 'clout_streams_ended_total{reason="age"} 1.0' in client.get("/metrics").text)
    assert "clout_streams_open 0.0" in client.get("/metrics").text


def test_a_full_mailbox_is_dropped_whole() -> None:
    """Then only the reason is left; a single frame may be as large as it likes."""
    box = Mailbox(most=3, most_bytes=10)
    box.put(b"x" * 100)
    assert box.take() == b"x" * 100
    for _ in range(3):
        box.put(b"abc")
    assert not box.over
    box.put(b"d")
    assert (box.over, box.empty, box.take()) == ("slow", True, b"")
    box.put(b"e")
    box.end("age")
    assert (box.over, box.empty) == ("slow", True)
    wide = Mailbox(most=1_000, most_bytes=10)
    wide.put(b"123456")
    wide.put(b"78901")
    assert wide.over == "slow"


def test_of_boards_the_newest_waits() -> None:
    """However slow somebody is; it comes behind what else waits."""
    box = Mailbox(most=2)
    for number in range(10):
        box.put_board(b"board %d " % number)
    box.put(b"scores ")
    assert (box.take(), box.empty) == (b"scores board 9 ", True)


def test_waiting_ends_at_its_time() -> None:
    """And at once when something comes."""

    async def story() -> None:
        box, clock_s = Mailbox(), asyncio.get_running_loop().time
        await box.wait(clock_s() + 0.01)
        asyncio.get_running_loop().call_soon(box.wake)
        await asyncio.wait_for(box.wait(clock_s() + 3_600), 10)

    asyncio.run(story())


def test_each_reason_is_explained() -> None:
    """To whoever reads the last frame."""
    assert all("last id" in text for text in REASONS.values())
