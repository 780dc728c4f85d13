"""One partition's loop in virtual time: when an interval ends, and that large things are done in slices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agents.proof.bench.null_servers import Scoreboard, Swallow
from streams.broker.publisher import TransactionalPublisher
from streams.clocks import Clocks
from streams.fold.rows import GOT, GOT_TS, SCORE, SUMS, UNDO, UNSEEN
from streams.formats.engagements import encode
from streams.model import assess
from streams.model.cases import Alert
from streams.model.engagements import packed
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partition import idle_pass
from streams.partition import loop as broker_loop
from streams.partition.block import Block
from streams.partition.cut import Cut
from streams.partition.intake import Intake
from streams.partition.loop import Loop
from streams.partition.sending import Outlet, Sender
from streams.partition.terms import Pace, Start, Supply
from streams.policies.book import Book
from streams.scoreboard.flush import Versions
from streams.scoreboard.shown import Shown
from streams.scoreboard.view import View
from streams.topics import SOURCES
from tests.partition.blocks import T0, Record, block, names, value
from tests.partition.virtual import run

LONG_S = 2.0


class Partition:
    """A loop with a broker and a Redis that take everything; notes when each cut was made and of how many users."""

    def __init__(self, table: Table, interval_s: float = LONG_S, idle_s: float = 1e6) -> None:
        self.table, self.board = table, Scoreboard()
        self.cuts: list[tuple[float, int]] = []
        self.intake = Intake(table, 0, 4)
        self.intake.positions = {topic.name: 0 for topic in SOURCES}
        clocks, versions = Clocks(self.now_ms, self.now_s, lambda: 0.0), Versions(1)
        pace = Pace(interval_s, 1.0, idle_s, stream_clock=False)
        self.shown = Shown(table, 0, "test", versions)
        publisher = TransactionalPublisher(Swallow(), "test", cpu_s=lambda: 0.0)
        self.sender = Sender(table, publisher, Outlet(0, str, {}), Book, versions, clocks)
        view = View(self.board, self.shown, pace.now_ms(table, clocks), self.now_ms)
        self.loop = Loop(self.intake, self.sender, view, Start(1, {}), pace, clocks, Supply(lambda _: None))
        real = self.intake.cut

        def cut(now_ms: int | None = None, *, tells: bool = False) -> Cut:
            made = real(now_ms, tells=tells)
            self.cuts.append((self.now_s(), len(made.changed)))
            return made

        self.intake.cut = cut  # type: ignore[method-assign]

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def now_ms(self) -> float:
        return T0 + 1000 * self.now_s()

    async def during(self, seconds: float, act: Callable[[], None] = lambda: None) -> None:
        """Run from a first, empty interval on; `act` comes at once."""
        await self.loop.commit()
        self.cuts.clear()
        running = asyncio.create_task(self.loop.run())
        await asyncio.sleep(0.01)
        act()
        await asyncio.sleep(seconds)
        self.loop.close()
        await running


def somebody(users: int = 1) -> Table:
    """Users with twenty engagements, of yesterday."""
    table = Table(PLAIN)
    table.advance(T0)
    table.days.begin(T0)
    for number in range(users):
        table.slot(f"net:bob{number}")
        table.cells[number, SUMS : SUMS + 3] = 20.0
    table.cells[:users, GOT_TS] = T0 - 1
    table.cells[:users, SCORE] = assess.population(table, T0)
    return table


def an_undo(weight: float) -> Block:
    """One engagement with bob0 is taken back."""
    pack = packed(["net:bob0"], ["net:ann0"], [-weight], [T0], [UNDO])
    return block("engagements", *(Record(n, record) for n, record in enumerate(encode(pack, T0))))


@pytest.mark.parametrize(("weight", "at_once"), [(19.0, True), (0.1, False)])
def test_an_undo_by_which_somebody_falls_ends_the_interval(weight: float, at_once: bool) -> None:
    """An alert does not wait for a long interval to end; any other undo does."""

    async def story() -> None:
        table = somebody()
        one = Partition(table)
        await one.during(0.9, lambda: one.loop.offer(an_undo(weight)))  # before the first look at the idle
        early = [at for at, changed in one.cuts[:-1] if changed]  # the last one is the letting go
        assert bool(early) == at_once

    run(story())


def test_the_idle_pass_sends_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many have moved in silence, no interval carries many more than are wanted at once, and everyone comes."""
    monkeypatch.setattr(assess, "SLICE", 10)
    monkeypatch.setattr(idle_pass, "ENOUGH", 20)

    async def story() -> None:
        table = somebody(users=100)
        table.cells[:100, SCORE] += 1.0
        one = Partition(table, idle_s=1.0)
        await one.during(1.5)
        assert max(changed for _, changed in one.cuts) == 20
        assert sum(changed for _, changed in one.cuts) == 100
        assert one.board.users == 100

    run(story())


def test_a_glance_is_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a backlog nobody is scored twice: those not yet shown go out with their interval."""
    monkeypatch.setattr(broker_loop, "GLANCED", 5)

    async def story() -> None:
        table = somebody(users=10)
        one = Partition(table)

        def backlog() -> None:
            table.dirty[:10] |= GOT | UNSEEN
            one.loop.offer(an_undo(0.1))

        await one.during(LONG_S / 2, backlog)
        assert one.board.users == 10  # once, with the letting go
        assert [users for at, users in one.board.calls if users] == [10]

    run(story())


def test_a_day_that_closes_changes_nobody() -> None:
    """Nobody is written for that; who changes later has the close, and Redis gets it with the record."""

    async def story() -> None:
        table = somebody(users=900)
        one = Partition(table)
        await one.during(0.2)
        assert [changed for _, changed in one.cuts if changed] == []
        assert one.board.closes == 0

    run(story())


@pytest.mark.parametrize("sending_s", [0.0, 0.15])
def test_idle_passes_in_a_row_do_not_keep_blocks_waiting(sending_s: float) -> None:
    """However often idle users are looked at, and however long sending them takes: events are folded when the interval ends."""

    async def story() -> None:
        one = Partition(somebody(), interval_s=0.25, idle_s=0.1)
        real = one.sender.send

        async def slow(cut: Cut, version: int, scored: Callable[[], None], *, last: bool = False) -> list[bytes]:
            await asyncio.sleep(sending_s)
            return await real(cut, version, scored, last=last)

        one.sender.send = slow  # type: ignore[method-assign]
        await one.during(2.0, lambda: one.loop.offer(block("likes", value(names(0)[0]))))
        assert len(one.cuts) > 5
        told = [at for at, changed in one.cuts[:-1] if changed]
        assert told
        assert told[0] < 2 * sending_s + 0.25 + 0.1

    run(story())


def test_nothing_is_folded_while_users_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score records and alerts hold what the positions of their header say, and the view shows that moment too."""
    monkeypatch.setattr(broker_loop, "FULL", 1)  # blocks do not wait for the end of the interval

    async def story() -> None:
        one = Partition(somebody(), interval_s=0.1)
        beside: list[tuple[int, bool]] = []
        real = one.sender._scores

        async def scores(cut: Cut, version: int) -> list[Alert]:
            n = len(beside)
            one.loop.offer(an_undo(0.1)._replace(before=n, after=n + 1))
            await asyncio.sleep(0.5)  # a broker that takes nothing more
            beside.append((one.intake.positions["engagements"] - cut.positions["engagements"], one.loop._view.stands))
            return await real(cut, version)

        one.sender._scores = scores  # type: ignore[method-assign]
        await one.during(3.0)
        assert len(beside) > 3
        assert set(beside) == {(0, True)}
        assert one.intake.positions["engagements"] > 1
        assert not one.loop._view.stands

    run(story())
