"""One listener step by step: what happens between its steps is in the test's hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import orjson

from agents.api.stream.feed import LOOK_S, Feed, pause_s
from agents.api.stream.filters import Filter
from agents.api.stream.groups import Groups
from agents.api.stream.listener import Listener, Sources, Wish
from agents.api.stream.positions import START, Ident
from agents.api.stream.topics import Topics
from agents.api.stream.window import Entry, Window

ALONE = Filter(alerts=False)


class Around:
    """What a listener stands on, without Redis: a window of one shard, and a snapshot during which something may happen."""

    def __init__(self, most: int = 1_000) -> None:
        self.feed = Feed(None, 1, Groups(lambda _: ()), lambda: None)  # type: ignore[arg-type]
        self.feed.window, self.feed.epoch = Window(2, most, 10**6), 1
        self.meanwhile: Callable[[], None] = lambda: None
        topics: Any = Topics(None)  # type: ignore[arg-type]
        none: Any = SimpleNamespace(attach=lambda *_: None, detach=lambda *_: None)
        self._sources = Sources(self.feed, none, topics, SimpleNamespace(of=self._of))  # type: ignore[arg-type]

    def write(self, count: int) -> None:
        """So many entries come, each with one user."""
        for _ in range(count):
            n = self.feed.window.end + 1
            batch = orjson.dumps({"as_of": n, "users": [[f"x:{n}", 1.5, None]]})
            self.feed._bring([Entry(0, Ident(n, 0), batch)])

    @property
    def live(self) -> int:
        """How many have caught up."""
        return sum(len(group.boxes) for group in self.feed.groups._wide)

    def listens(self, wish: Wish) -> AsyncIterator[bytes]:
        """The frames of one, behind the first."""
        return self.listener(wish).frames()

    def listener(self, wish: Wish) -> Listener:
        """One who stays for long."""
        return Listener(wish, self._sources, heartbeat_s=3_600, age_s=3_600)

    async def _of(self, *_: Any) -> dict[str, Any]:
        self.meanwhile()
        return {"as_of": 1, "items": []}


def play(story: Callable[[], Awaitable[None]]) -> None:
    """In a loop of its own."""
    asyncio.run(asyncio.wait_for(story(), 20))  # type: ignore[arg-type]


def users(frame: bytes) -> list[str]:
    """Of whom it tells."""
    return [one["user"] for one in orjson.loads(frame.split(b"data: ")[1])["users"]]


def test_what_comes_during_the_snapshot_is_told() -> None:
    """Its cursor is from before it was read, and so is what follows."""

    async def story() -> None:
        around = Around()
        around.write(3)
        around.meanwhile = lambda: around.write(2)
        frames = around.listens(Wish(ALONE))
        await anext(frames)
        snapshot = await anext(frames)
        assert b"event: snapshot" in snapshot
        assert b"id: 3-0,0-0\n" in snapshot
        assert users(await anext(frames)) == ["x:4", "x:5"]

    play(story)


def test_what_comes_while_somebody_catches_up_follows() -> None:
    """However often: of a few slices each once and in order, then live."""

    async def story() -> None:
        around, told = Around(), []
        around.write(130)
        frames = around.listens(Wish(ALONE, position=(Ident(7, 0), START)))
        await anext(frames)
        while "x:190" not in told:
            frame = await anext(frames)
            told += users(frame)
            if around.feed.window.end < 190:
                around.write(20)
        assert told == [f"x:{n}" for n in range(8, 191)]

    play(story)


def test_who_is_overtaken_while_catching_up_begins_anew() -> None:
    """What would have been next has left the window meanwhile."""

    async def story() -> None:
        around = Around(most=60)
        around.write(60)
        frames = around.listens(Wish(ALONE, position=(START, START)))
        await anext(frames)
        assert len(users(await anext(frames))) == 50
        around.write(60)
        assert b"event: reset" in await anext(frames)
        assert b"event: snapshot" in await anext(frames)

    play(story)


def test_few_hear_sooner() -> None:
    """The pause between two looks grows with those who listen, to a bound."""
    pauses = [pause_s(listeners) for listeners in (0, 1, 100, 199)]
    assert pauses == sorted(set(pauses))
    assert pauses[0] < LOOK_S / 4
    assert pause_s(1_000) == pause_s(10_000) == LOOK_S
