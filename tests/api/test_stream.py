"""Server push: what clients of `/v1/stream` see, and how streams end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest

from agents.api.leaders import Leaders
from agents.api.push import Hub
from agents.api.serve import serving
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from tests.api.conftest import PARTITIONS, SCORES, Scene

Events = Iterator[tuple[str, dict[str, Any]]]


@contextmanager
def events(client: httpx.Client, n: int = 20) -> Iterator[Events]:
    """The named events of one stream, as they come."""
    with client.stream("GET", "/v1/stream", params={"n": n}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        def read() -> Events:
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, orjson.loads(line.removeprefix("data: "))

        yield read()


def test_board_comes_at_once_and_when_scores_move(scene: Scene, page: httpx.Client) -> None:
    """A new client sees the board at once, and soon after a flush the new one, with what changed."""
    with events(page, n=2) as stream:
        name, board = next(stream)
        assert name == "board"
        assert [entry["user"] for entry in board["top"]] == ["x:ada", "x:<img src=x onerror=alert(1)>"]
        assert board["stats"]["population"] == len(SCORES)
        scene.write({"x:ada": 75.0}, counts=20, alerts=({"user": "x:cy", "state": "raised"}, {"user": "x:bo"}))
        written_s = time.monotonic()
        board = next(board for _, board in stream if board["alert"])
        assert time.monotonic() - written_s < 1.0
        assert board["alert"]["user"] == "x:bo"
        assert [alert["user"] for alert in board["alerts"]] == ["x:bo", "x:cy"]
        assert board["stats"]["folded"] == 20 * PARTITIONS
        assert board["stats"]["latency_p99_ms"] == 22


def test_not_more_often_than_four_times_a_second(scene: Scene, page: httpx.Client) -> None:
    """However fast scores move, a client gets at most one board each 250 ms."""
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            scene.write({"x:ada": 70.0}, counts=1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with events(page) as stream:
            began_s = time.monotonic()
            seen = 0
            while (
                seen < 20 and time.monotonic() - began_s < 2.0
            ):  # without the limit each write, hundreds a second, would be one
                next(stream)
                seen += 1
            assert 2 <= seen <= (time.monotonic() - began_s) / 0.25 + 2
    finally:
        over.set()
        writer.join()


def test_many_clients_cost_redis_one_reader(
    scene: Scene, served: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All clients are fed by one task: ten of them make no more looks at Redis than one."""
    looks: list[float] = []
    look = Leaders.look

    async def counted(self: Leaders, n: int) -> dict[str, Any]:
        looks.append(time.monotonic())
        return await look(self, n)

    monkeypatch.setattr(Leaders, "look", counted)
    scene.write(SCORES)
    client = served()
    opened = [events(client) for _ in range(10)]
    for stream in [one.__enter__() for one in opened]:
        next(stream)
    looks.clear()
    time.sleep(1.5)
    assert 1 <= len(looks) <= 8
    for one in opened:
        one.__exit__(None, None, None)


def test_stream_ends_when_the_server_stops(scene: Scene) -> None:
    """A stop ends open streams in order, and quickly."""
    scene.write(SCORES)
    with httpx.Client(trust_env=False, timeout=10) as client:
        with serving(scene.settings) as port:
            client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
            opened = events(client)
            stream = opened.__enter__()
            next(stream)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 2.0
        assert list(stream) is not None  # ends without an error: the last chunk was sent
        opened.__exit__(None, None, None)


def test_client_that_leaves_is_forgotten(scene: Scene) -> None:
    """When a client goes away, its place in the hub is free at once, and the hub goes on."""
    with serving_with_hub(scene) as (client, hub):
        with events(client) as stream:
            next(stream)
            assert hub.clients == 1
        deadline_s = time.monotonic() + 3
        while hub.clients and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert hub.clients == 0


def test_quiet_stream_is_kept_alive(scene: Scene) -> None:
    """A stream on which nothing happens carries comments, so that no proxy takes it for dead."""

    async def story() -> list[bytes]:
        client = connect(scene.settings)
        reader = Reader(client, scene.settings.redis_prefix, 1, PARTITIONS)
        board = Leaders(reader, scene.settings, wall_ms=lambda: 0, monotonic_s=time.monotonic)
        hub, got = Hub(board, keepalive_s=0.02), []
        async for chunk in hub.follow(1):  # nobody runs the hub: nothing ever comes
            got.append(chunk)
            if len(got) == 3:
                hub.close()
        await client.aclose()
        return got

    assert asyncio.run(story())[1:] == [b": still here\n\n"] * 2


def test_down_is_told_and_over(scene: Scene) -> None:
    """When Redis cannot be read clients hear why, and get boards again when it can."""

    async def story() -> list[str]:
        client = connect(scene.settings)
        reader = Reader(client, scene.settings.redis_prefix, 1, PARTITIONS)
        board = Leaders(reader, scene.settings, wall_ms=lambda: 0, monotonic_s=time.monotonic)
        hub, names, fail = Hub(board), [], True
        end = reader.updates_end

        async def shaky() -> str:
            if fail:
                raise ConnectionError
            return await end()

        reader.updates_end = shaky  # type: ignore[method-assign]
        running = asyncio.create_task(hub.run())
        async for chunk in hub.follow(1):
            name = chunk.split(b"\n")[0].decode()
            if name.startswith("event"):
                names.append(name)
                fail = False
            if name == "event: board":
                hub.close()
        running.cancel()
        await asyncio.wait({running})
        await client.aclose()
        return names

    assert asyncio.run(story()) == ["event: down", "event: board"]


@contextmanager
def serving_with_hub(scene: Scene) -> Iterator[tuple[httpx.Client, Hub]]:
    """The served app and its hub."""
    hubs: list[Hub] = []
    with pytest.MonkeyPatch.context() as patch:
        made = Hub.__init__

        def remember(self: Hub, *args: Any, **options: Any) -> None:
            made(self, *args, **options)
            hubs.append(self)

        patch.setattr(Hub, "__init__", remember)
        scene.write(SCORES)
        with (
            serving(scene.settings) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            yield client, hubs[0]
