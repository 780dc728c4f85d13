"""The contract of live sources, for any of them: subclass `Contract` in a test module, and say how its server is played.

class TestMine(Contract):
    def source(self, endpoint): ...
    def serving(self, script): ...
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from streams.display_names import Named
from streams.sources import Produced
from streams.sources.live import MOST_CURSOR_BYTES, Batch, LiveSource, Lost

PATIENCE_S = 20.0
BAD = 3  #: `Script.bad`: a frame that cannot be read stands in front of so many of the events


@dataclass
class Script:
    """What a played server has to say: so many events, the ids of which the server chooses, again to each who asks for them."""

    count: int = 60
    bad: Sequence[int] = ()  #: in front of these events, counted from 0, stands a frame that cannot be read
    cut: Sequence[int] = ()  #: before these the connection is closed, once each
    endless: bool = False  #: the last connection stays open when all is said
    large: int = 0  #: bytes that make each frame longer, without making the event larger
    sent: int = 0  #: told by the server: frames that were sent
    connections: int = 0  #: told by the server: those that are open
    cuts: set[int] = field(default_factory=set)  #: of the server: those that were made


class Contract:
    """The tests. A source gives all events of the script, in their order, each once."""

    def source(self, endpoint: str) -> LiveSource:
        """One that has never run, as a new process has it."""
        raise NotImplementedError

    def serving(self, script: Script) -> contextlib.AbstractAsyncContextManager[str]:
        """A server that says what is in the script; the endpoint it has."""
        raise NotImplementedError

    def ids(self, count: int) -> list[str]:
        """The ids of the first so many events of any script."""
        raise NotImplementedError

    def named(self) -> list[Named]:
        """What users are called, in the order in which the server says it, behind all events; of a source that gives names."""
        return []

    def test_all_that_comes(self) -> None:
        """Each event once, in its order; a cursor is short JSON; the newest time is told."""

        async def story() -> None:
            script = Script()
            async with self.serving(script) as endpoint:
                batches = await self.read(self.source(endpoint), endpoint, None)
            assert ids(batches) == self.ids(script.count)
            for batch in batches:
                json.loads(batch.cursor)
                assert len(batch.cursor.encode()) <= MOST_CURSOR_BYTES
            assert batches[-1].ts > 0
            assert names(batches) == self.named()
            assert all(one.user.startswith(f"{self.source(endpoint).network}:") for one in self.named())

        run(story())

    def test_it_goes_on_by_its_cursor(self) -> None:
        """Whoever stops anywhere and goes on from the cursor, as a new process, gets what is left and nothing else."""

        async def story() -> None:
            script = Script()
            async with self.serving(script) as endpoint:
                whole = await self.read(self.source(endpoint), endpoint, None)
                for at in range(0, len(whole), max(1, len(whole) // 7)):
                    rest = await self.read(self.source(endpoint), endpoint, whole[at].cursor)
                    assert ids(whole[: at + 1]) + ids(rest) == self.ids(script.count)
                    assert names(whole[: at + 1]) + names(rest) == self.named()

        run(story())

    def test_it_goes_on_in_the_same_process(self) -> None:
        """A connection that breaks off here and there costs nothing, and repeats nothing."""

        async def story() -> None:
            script = Script(cut=(7, 8, 30))
            async with self.serving(script) as endpoint:
                found = await self.read_all(endpoint, script.count)
                assert ids(found) == self.ids(script.count)
                assert script.cuts == {7, 8, 30}

        run(story())

    def test_it_goes_back(self) -> None:
        """Asked once more for what it has given, because that was not kept, it gives the same again."""

        async def story() -> None:
            script = Script()
            async with self.serving(script) as endpoint:
                source = self.source(endpoint)
                whole = await self.read(source, endpoint, None)
                again = await self.read(source, endpoint, whole[20].cursor)
                assert ids(whole[:21]) + ids(again) == self.ids(script.count)
                assert ids(await self.read(source, endpoint, None)) == self.ids(script.count)

        run(story())

    def test_bad_frames_are_counted(self) -> None:
        """They cost themselves only."""

        async def story() -> None:
            script = Script(bad=(5, 20, 40))
            async with self.serving(script) as endpoint:
                found = await self.read_all(endpoint, script.count)
            assert ids(found) == self.ids(script.count)
            skipped = sum((batch.skipped for batch in found), Counter[str]())
            assert sum(n for reason, n in skipped.items() if reason.startswith("malformed: ")) == BAD

        run(story())

    def test_it_reads_no_further_than_it_is_asked_to(self) -> None:
        """Who takes one batch and no more holds the server back, before much of 80 MB has gone over the wire."""

        async def story() -> None:
            script = Script(count=20_000, large=4_000)
            async with self.serving(script) as endpoint:
                batches = self.source(endpoint).events(endpoint, None)
                await anext(batches)
                before = -1
                async with asyncio.timeout(PATIENCE_S):
                    while before != script.sent:  # until the server can send no more
                        before = script.sent
                        await asyncio.sleep(0.2)
                assert 0 < script.sent < script.count // 2
                await batches.aclose()

        run(story())

    def test_it_ends_when_it_is_cancelled(self) -> None:
        """Nothing is left of the connection."""

        async def story() -> None:
            script = Script(endless=True)
            async with self.serving(script) as endpoint:
                reading = asyncio.create_task(self.read(self.source(endpoint), endpoint, None))
                await until(lambda: script.sent >= script.count)
                assert script.connections == 1
                reading.cancel()
                await asyncio.wait({reading})
                await until(lambda: script.connections == 0)

        run(story())

    def test_nobody_is_there(self) -> None:
        """That is `Lost`, with a reason."""

        async def story() -> None:
            async with self.serving(Script()) as endpoint:
                pass
            with pytest.raises(Lost, match=r"\w"):
                await anext(self.source(endpoint).events(endpoint, None))

        run(story())

    async def read_all(self, endpoint: str, count: int) -> list[Batch]:
        """By one source, which goes on by its cursor until it has given so many events."""
        source, found, cursor = self.source(endpoint), list[Batch](), None
        while len(ids(found)) < count:
            found += await self.read(source, endpoint, cursor)
            cursor = found[-1].cursor if found else None
        return found

    @staticmethod
    async def read(source: LiveSource, endpoint: str, cursor: str | None) -> list[Batch]:
        """What one connection gives."""
        found: list[Batch] = []
        with contextlib.suppress(Lost):
            async with contextlib.aclosing(source.events(endpoint, cursor)) as batches:
                async for batch in batches:
                    found.append(batch)  # noqa: PERF401 - of one that is lost in the middle, too
        return found


def ids(batches: Sequence[Batch]) -> list[str]:
    """Of the events in these."""
    return [id_of(event) for batch in batches for event in batch.events]


def names(batches: Sequence[Batch]) -> list[Named]:
    """What these say that users are called."""
    return [named for batch in batches for named in batch.names]


def id_of(event: Produced) -> str:
    """Of one."""
    return str(orjson.loads(event.value)["id"])


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited for in vain"
        await asyncio.sleep(0.005)


def run(story: Coroutine[Any, Any, None]) -> None:
    """One test."""
    asyncio.run(asyncio.wait_for(story, 2 * PATIENCE_S))
