"""Server push: what clients of `/v1/stream` see, and how streams end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from agents.api.leaders import Leaders
from agents.api.serve import serving
from agents.api.stream.boards import LONGEST_GAP_S
from agents.api.stream.hub import Hub, Limits
from tests.api.conftest import PARTITIONS, SCORES, Scene
from tests.api.listening import listening

BOARD = {"events": "board"}


def test_board_comes_at_once_and_when_scores_move(scene: Scene, own_page: httpx.Client) -> None:
    """A new client sees the board at once, and soon after a flush the new one, with what changed."""
    with listening(own_page, **BOARD, n=2) as stream:
        board = stream.until("board")
        assert [entry["user"] for entry in board["top"]] == ["x:ada", "x:<img src=x onerror=alert(1)>"]
        assert board["stats"]["population"] == len(SCORES)
        scene.write({"x:ada": 75.0}, counts=20, alerts=({"user": "x:cy", "state": "raised"}, {"user": "x:bo"}))
        board = stream.until("board", lambda board: board["alert"])
        assert board["alert"]["user"] == "x:bo"
        assert [alert["user"] for alert in board["alerts"]] == ["x:bo", "x:cy"]
        assert board["stats"]["folded"] == 20 * PARTITIONS
        assert board["stats"]["latency_p99_ms"] == 22


def test_not_more_often_than_four_times_a_second(scene: Scene, own_page: httpx.Client) -> None:
    """However fast scores move, a client gets at most one board each 250 ms."""
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            scene.write({"x:ada": 70.0}, counts=1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with listening(own_page, **BOARD) as stream:
            began_s = time.monotonic()
            seen = 0
            while (
                seen < 20 and time.monotonic() - began_s < 2.0
            ):  # without the limit each write, hundreds a second, would be one
                stream.until("board")
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
    with ExitStack() as stack:
        streams = [stack.enter_context(listening(client, **BOARD)) for _ in range(10)]
        for stream in streams:
            stream.until("board")
        looks.clear()
        time.sleep(1.5)
        assert 1 <= len(looks) <= 8
    until(lambda: nobody_looks(looks))


def nobody_looks(looks: list[float]) -> bool:
    """For longer than two looks may be apart."""
    return time.monotonic() - looks[-1] > 2 * LONGEST_GAP_S


def test_stream_ends_when_the_server_stops(scene: Scene) -> None:
    """A stop ends open streams in order, quickly, and says why."""
    scene.write(SCORES)
    with httpx.Client(trust_env=False, timeout=10) as client, ExitStack() as opened:
        with serving(scene.settings) as port:
            client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
            stream = opened.enter_context(listening(client))
            stream.until("snapshot")
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 2.0
        assert stream.until("closed")["reason"] == "stopping"
        assert list(stream) == []  # ends without an error: the last chunk was sent


def test_client_that_leaves_is_forgotten(scene: Scene) -> None:
    """When a client goes away, its place in the hub is free at once, and the hub goes on."""
    scene.write(SCORES)
    with serving_with_hub(scene) as (client, hub):
        with listening(client, users="x:ada", topic="t", min_change=1) as stream:
            stream.until("snapshot")
            assert hub.clients == 1
        until(lambda: not hub.clients)
        with listening(client, users="x:ada") as stream:
            stream.until("snapshot")
            scene.write({"x:ada": 33.0})
            assert stream.until("scores")["users"] == [{"user": "x:ada", "score": 33.0, "before": 71.5}]


def test_a_quiet_stream_has_heartbeats_with_its_cursor(scene: Scene) -> None:
    """So no proxy takes it for dead, and a filter that matches nothing grows no older: the cursor moves without an event."""
    scene.write(SCORES)
    with serving_with_hub(scene, heartbeat_s=0.1) as (client, _), listening(client, users="x:nobody") as stream:
        stream.until("snapshot")
        before = stream.cursor
        scene.write({"x:ada": 33.0})
        assert next(frame for frame in stream if frame.cursor != before).event == ""
        assert stream.frames[-1].event == "snapshot"


def until(true: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait for something that only looks can tell."""
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.02)


@contextmanager
def serving_with_hub(scene: Scene, **limits: float) -> Iterator[tuple[httpx.Client, Hub]]:
    """The served app and its hub, which may have other limits."""
    hubs: list[Hub] = []
    with pytest.MonkeyPatch.context() as patch:
        made = Hub.__init__

        def remember(self: Hub, leaders: Leaders, some: Limits, **options: Any) -> None:
            made(self, leaders, replace(some, **limits), **options)
            hubs.append(self)

        patch.setattr(Hub, "__init__", remember)
        with (
            serving(scene.settings) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client,
        ):
            yield client, hubs[0]
