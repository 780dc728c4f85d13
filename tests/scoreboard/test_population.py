"""Who is in the histogram: everyone engaged with in the last 90 days, and nobody else, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from streams.fold.rows import ACTED, ENGAGEMENTS, GOT_TS, SUMS, UNSEEN
from streams.model.lately import LATELY_MS
from streams.partition.idle_pass import IdlePass
from streams.scoreboard.shown import Shown
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import NOW_MS
from tests.scoreboard.small import Small

DAY_MS = 86_400_000
PATIENCE_S = 15.0


class Aging(Small):
    """A worker whose clock a test moves."""

    def __init__(self, board: Board, last: int = 0, generation: int = 1) -> None:
        super().__init__(board.writer, 1, last, generation)
        self.now_ms, self.redis = NOW_MS, board
        self.view._now_ms = lambda: self.now_ms
        self.seconds = 0.0
        self.idle = IdlePass(self.table, 10.0, lambda: self.seconds, self.shown.fall_out)

    def acts(self, user: str) -> None:
        """Somebody does something, and nobody does anything to them."""
        slot = self.table.slot(user)
        self.table.cells[slot, ACTED] = 5.0
        self.table.dirty[slot] |= UNSEEN

    def later(self, days: int) -> None:
        """Time goes by without any event, and the idle pass looks."""
        self.now_ms += days * DAY_MS
        self.seconds += 10.0
        assert self.idle.look(lambda: self.now_ms)
        self.publish()

    async def counted(self) -> tuple[int, int]:
        """Users in the histogram, and on the board, once Redis has everything."""
        assert await self.view.drained(PATIENCE_S)
        seen = await self.redis.writer.look(1)
        assert seen.lost == ""
        assert seen.gaps == (0, 0, 0, 0)
        return (await self.redis.reader.distribution()).population, await self.redis.reader.population()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The view writes while the block lasts."""
        task = asyncio.create_task(self.view.run())
        try:
            yield
        finally:
            task.cancel()


def test_who_only_acts_is_scored_but_not_counted(play: Callable[..., None]) -> None:
    """On the board, not in the histogram, until somebody engages with them; and out again when that is undone."""

    async def story(board: Board) -> None:
        small = Aging(board)
        with small.writing():
            small.acts("a:actor")
            small.put({f"a:{i}": 1.0 + i for i in range(10)})
            assert await small.counted() == (10, 11)
            small.put({"a:actor": 2.0})
            assert await small.counted() == (11, 11)
            slot = small.table.slot("a:actor")
            small.table.cells[slot, ENGAGEMENTS] = 0
            small.table.cells[slot, SUMS : SUMS + 3] = 0
            small.table.dirty[slot] |= UNSEEN
            small.publish()
            assert await small.counted() == (10, 11)

    play(story)


def test_who_falls_silent_falls_out_by_themselves(play: Callable[..., None]) -> None:
    """No event, only time: with the first idle pass after 90 days they are out, and with the next engagement in again."""

    async def story(board: Board) -> None:
        small = Aging(board)
        with small.writing():
            small.put({f"a:{i}": 1.0 + i for i in range(10)})
            small.table.cells[small.table.slot("a:3"), GOT_TS] = NOW_MS - 50 * DAY_MS
            small.later(39)
            assert await small.counted() == (10, 10)
            small.later(1)
            assert await small.counted() == (9, 10)
            small.later(50)
            assert await small.counted() == (0, 10)
            small.fold({"a:3": 4.0})
            small.table.cells[small.table.slot("a:3"), GOT_TS] = small.now_ms
            small.publish()
            assert await small.counted() == (1, 10)

    play(story)


def test_a_successor_counts_as_of_its_own_time(play: Callable[..., None]) -> None:
    """Who fell out while nobody worked is out with the first call, though nothing else has changed."""

    async def story(board: Board) -> None:
        first = Aging(board)
        with first.writing():
            first.put({f"a:{i}": 1.0 + i for i in range(10)})
            first.table.cells[first.table.slot("a:3"), GOT_TS] = NOW_MS - LATELY_MS + 1
            assert await first.counted() == (10, 10)
        second = Aging(board, last=first.versions.last, generation=2)
        second.table.slots(first.table.users[:])
        second.table.cells[: len(first.table)] = first.table.cells[: len(first.table)]
        second.now_ms += 1
        with second.writing():
            second.view.resume(first.cut, "")
            second.put({"a:0": 5.0})
            assert await second.counted() == (9, 10)

    play(story)


def test_linked_accounts_are_not_counted_however_new() -> None:
    """Their person is."""
    small = Small(None)  # type: ignore[arg-type] # nothing is written
    small.fold({"a:1": 1.0, "person:p": 2.0})
    small.table.linked = lambda slots: np.array([user == "a:1" for user in small.table.users.of(slots)], np.bool_)  # type: ignore[method-assign]
    small.publish()
    shown: Shown = small.shown
    assert shown.call(NOW_MS)
    said = shown.said()
    assert (said.shown, said.linked, said.counted) == (2, 1, 1)
