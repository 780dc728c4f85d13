"""Listeners of `/v1/stream` who come back: nothing is left out, nothing comes twice, wherever they come back to."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from agents.api.serve import serving
from agents.api.stream import feed, listener
from streams.partitioner import partition_of
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import ALERTS_KEPT, UPDATES_KEPT, Keys, shard_of
from streams.settings import Settings
from tests.api.conftest import PARTITIONS, SCORES, Scene
from tests.api.listening import Frame, listening
from tests.scoreboard.servers import Server

USERS = [f"x:{number}" for number in range(12)]
Told = tuple[str, float, float | None]


class Changing:
    """Writes what changes, as workers do, and remembers it: user, score, before; and the ids of alerts."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._dice = settings, random.Random(7)
        self._redis = connect_sync(settings)
        self.written: list[Told] = []
        self.alerts: list[str] = []
        self.last: dict[str, float] = {}

    def step(self) -> None:
        """A batch of some users of one partition, and an alert about one."""
        number = self._dice.randrange(PARTITIONS)
        mine = [user for user in USERS if partition_of(user, PARTITIONS) == number]
        self._write(number, self._dice.sample(mine, self._dice.randint(1, len(mine))))

    def end(self) -> None:
        """A last batch of everybody, and a last alert, of each partition."""
        for number in range(PARTITIONS):
            self._write(number, [user for user in USERS if partition_of(user, PARTITIONS) == number])

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Steps while the block lasts, and the end."""
        over = threading.Event()

        def write() -> None:
            while not over.wait(0.002):
                self.step()
            self.end()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield
        finally:
            over.set()
            writer.join()

    def _write(self, number: int, users: list[str]) -> None:
        keys = Keys(self._settings.redis_prefix, shard_of(number, self._settings.redis_shards))
        changed = [(user, self._dice.randint(100, 9_900) / 100, self.last.get(user)) for user in users]
        batch = {"partition": number, "as_of": time.time_ns() // 10**6, "users": changed}
        alert = {"id": f"r/{users[0]}/{len(self.written)}/raised", "user": users[0]}
        for key, name, value, kept in (
            (keys.updates, "batch", batch, UPDATES_KEPT),
            (keys.alerts, "alert", alert, ALERTS_KEPT),
        ):
            self._redis.xadd(key, {name: orjson.dumps(value)}, maxlen=kept, approximate=True)
        self.written += changed
        self.alerts.append(str(alert["id"]))
        self.last |= {user: score for user, score, _ in changed}


class Following:
    """One who comes back again and again: all that was told, and the last cursor."""

    def __init__(self) -> None:
        self.cursor = ""
        self.frames: list[Frame] = []
        self.scores: dict[str, float] = {}
        self.alerts: list[str] = []

    def listen(self, client: httpx.Client, enough: Callable[[int], bool], **asked: Any) -> None:
        """From the last cursor on, until it is enough, after so many events of this stream."""
        with listening(client, self.cursor, **asked) as stream:
            for _ in stream:
                self.cursor = stream.cursor
                for frame in stream.frames[-1:] if _.event else ():
                    self._hear(frame)
                if enough(len(stream.frames)):
                    return
        raise AssertionError(f"the stream ended: {self.frames[-3:]}")

    def _hear(self, frame: Frame) -> None:
        self.frames.append(frame)
        if frame.event == "scores":
            for one in frame.data["users"]:
                assert one["before"] == self.scores.get(one["user"]), (
                    one
                )  # what was told before it: no gap, nothing twice
                self.scores[one["user"]] = one["score"]
        elif frame.event == "snapshot":
            self.scores |= {one["user"]: one["score"] for one in frame.data["items"]}
        elif frame.event == "alert":
            self.alerts.append(frame.data["id"])

    @property
    def events(self) -> list[str]:
        """Their names."""
        return [frame.event for frame in self.frames]


@contextmanager
def served(settings: Settings) -> Iterator[httpx.Client]:
    """A server and a client for it."""
    with (
        serving(settings) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15, trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("asked", [{}, {"users": ",".join(USERS[:3])}], ids=["all", "three"])
def test_cut_again_and_again_while_a_writer_writes(scene: Scene, shards: int, asked: dict[str, str]) -> None:
    """Taken up by one API process or another, also by one that has started anew: all that was written, each once."""
    settings = replace(scene.settings, redis_shards=shards)
    changing, following = Changing(settings), Following()
    mine = [user for user in USERS if user in asked.get("users", ",".join(USERS)).split(",")]
    with served(settings) as one, ExitStack() as others:
        following.listen(one, lambda _: bool(following.frames), **asked)  # a snapshot of nobody
        other = others.enter_context(served(settings))
        with changing.going_on():
            for cut in range(12):
                if cut == 6:
                    others.close()
                    other = others.enter_context(served(settings))
                following.listen((one, other)[cut % 2], lambda events: events >= 3, **asked)
        last = {user: changing.last[user] for user in mine}
        told = [alert for alert in changing.alerts if alert.split("/")[1] in mine]

        def all_told(_: int) -> bool:
            return following.scores == last and len(following.alerts) >= len(told)

        following.listen(one, all_told, **asked)
    assert sorted(following.alerts) == sorted(told)
    assert set(following.events) == {"snapshot", "scores", "alert"}


def test_a_cursor_that_is_too_old_begins_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came between has left the window: that is said, and a snapshot is the new beginning."""
    monkeypatch.setattr(feed, "MOST_BYTES", 2_000)
    scene.write(SCORES)
    following, changing = Following(), Changing(scene.settings)
    with served(scene.settings) as client:
        following.listen(client, lambda _: bool(following.frames), users="x:ada")
        with listening(client) as stream:
            stream.until("snapshot")
            for _ in range(40):
                changing.step()
            scene.write({"x:cy": 1.0})
            stream.until("scores", lambda data: {"x:cy", 1.0} <= set(data["users"][-1].values()))  # all of it was read
        following.listen(client, lambda events: events == 2, users="x:ada")
        assert following.events == ["snapshot", "reset", "snapshot"]
        assert "old" in following.frames[1].data["reason"]
        scene.write({"x:ada": 30.0})
        following.scores["x:ada"] = 71.5
        following.listen(client, lambda _: following.scores["x:ada"] == 30.0, users="x:ada")


def test_a_cursor_that_stands_on_nothing_begins_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """One from before everything was lost, or one from a future that does not come."""
    monkeypatch.setattr(listener, "_AHEAD_S", 0.2)
    scene.write(SCORES)
    with served(scene.settings) as client:
        for cursor in ("5-0,0-0", "9999999999999-0,0-0", "0-0,9999999999999-1"):
            with listening(client, last_event_id=cursor) as stream:
                stream.until("snapshot")
                assert [frame.event for frame in stream.frames] == ["reset", "snapshot"]
                assert stream.cursor != cursor


@pytest.fixture(params=["no", "yes"], ids=["without its data", "with its data"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, bool]]:
    """A Redis of the test's own, and whether it keeps what it had."""
    own = Server("redis", tmp_path, "--appendonly", request.param)
    own.start()
    try:
        yield own, request.param == "yes"
    finally:
        own.stop()


def test_redis_goes_away_and_comes_back(server: tuple[Server, bool], prefix: str) -> None:
    """Listeners hear of both. With its data they go on where they were; without, there is a `reset` once somebody has written."""
    redis, keeps = server
    settings = Settings(
        redis=f"redis://127.0.0.1:{redis.port}/0", redis_prefix=prefix, partitions=PARTITIONS, api_limit=0
    )
    scene = Scene(settings)
    scene.write(SCORES)
    with served(settings) as client, listening(client, users="x:ada") as stream:
        stream.until("snapshot")
        scene.write({"x:ada": 50.0})
        stream.until("scores", lambda data: data["users"][0]["score"] == 50.0)
        redis.stop()
        assert stream.until("down")["reason"]
        redis.start()
        stream.until("up")
        scene.write({"x:ada": 60.0})
        if keeps:
            assert stream.until("scores")["users"] == [{"user": "x:ada", "score": 60.0, "before": 50.0}]
            assert "reset" not in [frame.event for frame in stream.frames]
        else:
            assert "lost" in stream.until("reset")["reason"]
            assert [one["user"] for one in stream.until("snapshot")["items"]] == ["x:ada"]
        scene.write({"x:ada": 40.0})
        stream.until("scores", lambda data: data["users"] == [{"user": "x:ada", "score": 40.0, "before": 60.0}])


def test_down_from_the_start(server: tuple[Server, bool], prefix: str) -> None:
    """Who comes while Redis is away hears that, and gets a snapshot when it is there."""
    redis, _ = server
    redis.stop()
    settings = Settings(redis=f"redis://127.0.0.1:{redis.port}/0", redis_prefix=prefix, partitions=PARTITIONS)
    with served(settings) as client, listening(client, events="scores,board") as stream:
        stream.until("down")
        redis.start()
        Scene(settings).write(SCORES)
        stream.until("snapshot")
        stream.until("board")
        assert "up" in [frame.event for frame in stream.frames]
