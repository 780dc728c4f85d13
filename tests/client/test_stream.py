"""The client and the real stream: over restarts of the API nothing is missed, and nothing comes twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import httpx
import pytest

from agents.api.serve import serving
from agents.client import AlertEvent, AsyncClout, Board, Closed, Clout, Event, Reset, Scores, Snapshot, WrongInput
from agents.local.embedded import free_port
from agents.shapes.either import OtherAlert
from tests.api.conftest import SCORES, Scene
from tests.api.filled import fill
from tests.api.test_stream_resume import Changing

RESTARTS = 3


@dataclass
class Ear:
    """One who listens: what was told of scores, which alerts, how often the stream was closed."""

    scores: dict[str, float] = field(default_factory=dict)
    alerts: Counter[str] = field(default_factory=Counter)
    closed: int = 0
    events: int = 0
    wrong: list[object] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        """Each change has to go on from what was told before it: else one was missed, or comes again."""
        self.events += 1
        if isinstance(event, Scores):
            self.wrong += [one for one in event.users if one.before != self.scores.get(one.user)]
            self.scores |= {one.user: one.score for one in event.users}
        elif isinstance(event, AlertEvent):
            assert isinstance(event.alert, OtherAlert)  # those of this writer have no more than an id
            self.alerts[event.alert.fields["id"]] += 1
        elif isinstance(event, Closed):
            self.closed += 1
        elif isinstance(event, Reset):
            self.wrong.append(event)


def listen(url: str, ear: Ear, enough: Callable[[Ear], bool]) -> None:
    """By `Clout`."""
    with Clout(url) as client, client.stream() as events:
        for event in events:
            ear.hear(event)
            if enough(ear):
                return


def listen_async(url: str, ear: Ear, enough: Callable[[Ear], bool]) -> None:
    """By `AsyncClout`."""

    async def run() -> None:
        async with AsyncClout(url) as client, client.stream() as events:
            async for event in events:
                ear.hear(event)
                if enough(ear):
                    return

    asyncio.run(run())


def until(true: Callable[[], bool]) -> None:
    """Return once it is; a test that waits in vain is ended from outside."""
    while not true():
        time.sleep(0.01)


def test_nothing_is_missed_and_nothing_comes_twice(scene: Scene) -> None:
    """A writer writes, the API ends and starts again and again, and both clients know in the end all that was written."""
    settings, port = replace(scene.settings, redis_shards=3), free_port()
    changing, over, ears = Changing(settings), threading.Event(), (Ear(), Ear())

    def all_of_it(ear: Ear) -> bool:
        return over.is_set() and ear.scores == changing.last and len(ear.alerts) == len(changing.alerts)

    threads = [
        threading.Thread(target=follow, args=(f"http://127.0.0.1:{port}", ear, all_of_it), daemon=True)
        for follow, ear in zip((listen, listen_async), ears, strict=True)
    ]
    with serving(settings, port):
        for thread in threads:
            thread.start()
        until(lambda: all(ear.events for ear in ears))  # a snapshot of nobody: the writer begins behind it
    with changing.going_on():
        for _ in range(RESTARTS):
            with serving(settings, port):
                seen = [ear.events for ear in ears]
                until(lambda seen=seen: all(ear.events > n + 5 for ear, n in zip(ears, seen, strict=True)))
    with serving(settings, port):
        over.set()
        changing.end()  # whoever knew all of it before hears of it now
        for thread in threads:
            thread.join(30)
    for ear in ears:
        assert ear.wrong == []
        assert ear.scores == changing.last
        assert ear.alerts == Counter(changing.alerts)
        assert ear.closed == RESTARTS + 1


def test_it_begins_with_how_things_are(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """A snapshot of those whom the filter is for; then what changes, from a least change on; and the whole board."""
    fill(scene)
    with Clout(str(served().base_url)) as client:
        with client.stream(users=["x:ada", "x:cy"], min_change=2) as events:
            snapshot = next(events)
            assert isinstance(snapshot, Snapshot)
            assert {one.user for one in snapshot.items} == {"x:ada", "x:cy"}
            scene.write({**SCORES, "x:ada": 72.0, "x:bo/b:y": 90.0})
            scene.write({**SCORES, "x:ada": 75.0})
            (moved,) = next(one for one in events if isinstance(one, Scores)).users
            assert (moved.user, moved.score) == ("x:ada", 75.0)
        with client.stream(events="board", n=2) as events:
            board = next(events)
            assert isinstance(board, Board)
            assert [one.user for one in board.top] == ["x:ada", "x:<img src=x onerror=alert(1)>"]
        with pytest.raises(WrongInput, match="events"):
            next(client.stream(events="news"))


def test_a_cursor_is_kept_for_later(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """By another process, which asks another API process: it goes on behind what was handed out."""
    one, other = (str(served().base_url) for _ in range(2))
    with Clout(one) as client, client.stream() as events:
        next(events)  # the snapshot
        scene.write({"x:ada": 50.0})
        next(events)
        cursor = events.last_id
    for score in (51.0, 52.0):
        scene.write({"x:ada": score})
    told: list[tuple[float | None, float]] = []
    with Clout(other) as client, client.stream(last_event_id=cursor) as events:
        for event in events:
            assert isinstance(event, Scores)
            told += [(one.before, one.score) for one in event.users]
            if told[-1][1] == 52.0:
                break
    assert told[0][0] == 50.0
    assert all(before == score for (_, score), (before, _) in pairwise(told))
