"""The partitions of one worker: taken over after each assignment, let go before each revocation. No broker, no clock: `Ports`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from streams.clocks import Clocks
from streams.errors import DependencyDown, LostInput
from streams.model.feeds import LIMITS
from streams.model.table import Table
from streams.model.versions import model
from streams.partition.block import Block
from streams.partition.counting import Counting
from streams.partition.feed_home import Home
from streams.partition.feeds import Feeding
from streams.partition.figures import Figures
from streams.partition.intake import Intake
from streams.partition.interval import SHARE
from streams.partition.liveness import TAKING_OVER, Standing
from streams.partition.loop import Loop
from streams.partition.ports import Log, Ports, Publisher, Shows, Source
from streams.partition.recovered import Progress, Recovered, models_from
from streams.partition.sending import Outlet, Sender
from streams.partition.takeover import Continuity, all_sources, positions
from streams.partition.terms import Left, Pace, Start, Supply
from streams.partition.turns import Turns
from streams.partition.undecided import Undecided
from streams.scoreboard.flush import Versions
from streams.scoreboard.shown import Shown
from streams.scoreboard.view import View
from streams.settings import Settings
from streams.topics import SOURCES

log = logging.getLogger("clout.partitions")

DEATHS = 2  # after so many take-overs that ended where they began, no kernel reads what is there
LETTING_GO_S = 5.0  # well below the rebalance timeout; past it the worker ends and what is open is read again
LOOK_S = 5.0  # between two looks at what the broker has
LOST_AFTER_S = 30.0  # a block that is on its way for so long was lost


class Kept(NamedTuple):
    """A partition that was let go in order, and the end of its `state` then: untouched, it need not be read again."""

    recovered: Recovered
    end: int


class Hears(Protocol):
    """Who is told how it goes: `agents.worker.health.Health`."""

    def taking(self, numbers: Iterable[int]) -> None:
        """A take-over begins."""

    def progress(self, progress: Progress) -> None:
        """How far it is."""

    def took(self, numbers: Iterable[int]) -> None:
        """It is done."""

    def gone(self) -> None:
        """All partitions were let go of."""


class Partitions:
    """The loops of the partition numbers this worker holds."""

    def __init__(self, settings: Settings, ports: Ports, owner: str, health: Hears) -> None:
        self._settings, self._ports, self._owner, self._health = settings, ports, owner, health
        self._recovering: tuple[frozenset[int], int] = frozenset(), 0  # numbers, records of their rows read so far
        self._model = model(settings.model)
        self.loops: dict[int, Loop] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._kept: dict[int, Kept] = {}
        self._left: dict[int, Left] = {}
        self._undecided = Undecided(ports.wall_ms)
        self._one_at_a_time = asyncio.Lock()

    def deliver(self, block: Block) -> None:
        """A block goes to its partition, or nowhere if the partition has left."""
        loop = self.loops.get(block.partition)
        if loop:
            loop.offer(block)

    def standings(self) -> list[Standing]:
        """Has each partition something to do, and how much has it done?"""
        if self._taking and not self._taking.done():
            numbers, read = self._recovering
            return [Standing(number, TAKING_OVER, True, read) for number in numbers]
        return [loop.standing() for loop in self.loops.values()]

    def figures(self) -> dict[int, Figures]:
        """How each partition held stands, for /metrics."""
        return {n: loop.figures()._replace(undecided=self._undecided.of(n)) for n, loop in self.loops.items()}

    # -- taking over -----------------------------------------------------------------------------------------------

    async def take(self) -> None:
        """Take over the partitions just assigned, before anything is handed out; a revocation cancels it."""
        task = self._taking = asyncio.create_task(self._take())
        await asyncio.wait({task})
        if not task.cancelled() and task.exception():
            self._ports.die(task.exception())

    async def _take(self) -> None:
        ports = self._ports
        try:
            epoch, mine, began_s = ports.epoch, ports.assigned(), ports.monotonic_s()
        except LostInput:
            await ports.topics()  # has somebody added partitions? That says it better
            raise
        self._recovering = frozenset(mine), 0
        self._health.taking(mine)
        publishers = {number: ports.publisher(number) for number in sorted(mine)}
        async with contextlib.AsyncExitStack() as undo:
            for publisher in publishers.values():
                undo.push_async_callback(publisher.stop)
            # first all fences, then all reading: what is read is final
            await asyncio.gather(*(publisher.start() for publisher in publishers.values()))
            found = await self._recovered(mine)
            shown, logs = await ports.shown(), await ports.logs(mine)
            committed = await ports.committed(mine)
            if self._settings.transactions:
                starts = positions(found, logs, committed, self._settings)
            else:
                starts = {source: committed.get(source, logs[source].first) for source in all_sources(mine)}
                for number, left in self._come_back(starts).items():
                    found[number] = Recovered(left.table, None)
                    starts |= {(topic, number): at for topic, at in left.positions.items()}
            loops = {
                number: self._loop(
                    number, found[number], publishers[number], shown.get(number, Shows(0)), logs, len(mine), epoch
                )
                for number in publishers
            }
            for number, loop in loops.items():
                undo.callback(loop.abandon)
                loop.intake.positions = {topic.name: starts[topic.name, number] for topic in SOURCES}
            if self._settings.transactions:  # the new generation, before the first block
                await asyncio.gather(*(loop.commit() for loop in loops.values()))
            if not await ports.seek(starts, epoch):
                raise asyncio.CancelledError
            undo.pop_all()
        self.loops = loops
        for number, loop in loops.items():
            self._running[number] = task = asyncio.create_task(loop.run(), name=f"partition {number}")
            task.add_done_callback(self._ended)
        self._health.took(mine)
        self._watching = asyncio.create_task(self._watch(mine, logs))
        self._watching.add_done_callback(self._ended)
        users, took_s = sum(len(one.table) for one in found.values()), ports.monotonic_s() - began_s
        log.info("took partitions=%s users=%d seconds=%.2f", sorted(mine), users, took_s)

    async def _recovered(self, mine: set[int]) -> dict[int, Recovered]:
        """Rows and headers; those of a partition that comes back untouched are still at hand."""
        kept, self._kept = {n: k for n, k in self._kept.items() if n in mine}, {}
        if not self._settings.transactions:
            return {number: Recovered(Table(self._model), None) for number in mine}
        ends = await self._ports.state_ends(kept) if kept else {}
        found = {number: one.recovered for number, one in kept.items() if ends[number] == one.end}
        return found | await self._ports.recover(mine - set(found), self._tell)

    def _come_back(self, starts: Mapping[Source, int]) -> dict[int, Left]:
        """Without transactions: partitions that come back, and that nobody has read further than we had."""
        return {
            number: left
            for number, left in self._left.items()
            if all(starts.get((topic, number), at + 1) <= at for topic, at in left.positions.items())
        }

    def _tell(self, progress: Progress) -> None:
        log.info("recovering records=%d to_go_at_most=%d seconds_left=%s", *progress)
        self._recovering = self._recovering[0], progress.records
        self._health.progress(progress)

    def _loop(
        self,
        number: int,
        found: Recovered,
        publisher: Publisher,
        shows: Shows,
        logs: dict[Source, Log],
        held: int,
        epoch: int,
    ) -> Loop:
        settings, ports, header = self._settings, self._ports, found.header
        clocks, stream_clock = Clocks(ports.wall_ms, ports.monotonic_s, ports.cpu_s), settings.clock == "stream"
        versions = Versions(max(header.generation if header else 0, shows.version >> 32) + 1)
        ids = {name: log.topic_id for (name, of), log in logs.items() if of == number}
        # by the stream's clock a moment of work may be hours
        limits = LIMITS._replace(behind_s=0.0) if stream_clock else LIMITS
        feeding = Feeding(number, settings.partitions, limits if settings.gaps else None)
        outlet = Outlet(number, settings.topic, ids, settings.partitions, settings.lines_s, feeding)
        turns = Turns(settings.topic_prefix, lambda name: ports.more((name, number)), ports.monotonic_s)
        counting = Counting(LIMITS.hour_ms) if settings.gaps else None
        intake = Intake(
            found.table, number, settings.partitions, turns, closes_ms=settings.day_closes_ms, counting=counting
        )
        pace = Pace(settings.interval_s, SHARE / held, settings.idle_s, stream_clock)
        shown = Shown(found.table, number, self._owner, versions)
        home = Home(number, settings.partitions, LIMITS, found.feeds)
        sender = Sender(found.table, publisher, outlet, ports.book, versions, clocks, home)
        if header:
            found.table.models = models_from(header, self._model, pace.now_ms(found.table, clocks)())
            sender.begun = header.begun + 1
            sender.judged_by(header.lines)
            intake.careful = header.begun >= DEATHS
            if intake.careful:
                log.warning(
                    "the last %d take-overs ended before a commit: what comes first is read without kernels: partition=%d",
                    header.begun,
                    number,
                )
        view = View(ports.board, shown, pace.now_ms(found.table, clocks), ports.wall_ms, last=shows.version)
        left = self._left.pop(number, None)
        if header or (left and left.table is found.table):
            view.resume(shows.complete if shows.model == self._model.name else 0, shows.origin)
        return Loop(
            intake,
            sender,
            view,
            Start(epoch, {topic.name: logs[topic.name, number].end for topic in SOURCES}),
            pace,
            clocks,
            Supply(ports.folded, lambda: ports.behind(number), lambda name: ports.handed((name, number))),
        )

    # -- while they are held -----------------------------------------------------------------------------------------

    async def _watch(self, mine: set[int], logs: dict[Source, Log]) -> None:
        continuity, ports = Continuity(self._settings, LOST_AFTER_S), self._ports
        self._undecided = Undecided(ports.wall_ms)
        continuity.ids(logs)
        while True:
            await asyncio.sleep(LOOK_S)
            for source in all_sources(mine):
                self._undecided.look(source, *ports.ends(source))
            try:
                logs = await ports.logs(mine)
            except (DependencyDown, OSError) as error:
                log.warning("the broker does not say how long its logs are: error=%r", error)
                continue
            continuity.ids(logs)
            for source in all_sources(mine):
                loop = self.loops.get(source[1])
                if loop and not loop.intake.turns.waiting[source[0]]:
                    position = loop.intake.positions[source[0]]
                    handed, seen = ports.handed(source), ports.seen(source)
                    continuity.look(source, position, handed, seen, logs[source].end, ports.monotonic_s())

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            self._ports.die(task.exception())

    # -- letting go --------------------------------------------------------------------------------------------------

    async def let_go(self) -> None:
        """Give up all partitions: fold nothing more, send what is there. Waits for a letting go under way."""
        self._ports.end_epoch()
        try:
            async with self._one_at_a_time:
                if self._taking and not self._taking.done():
                    self._taking.cancel()
                    _, going_on = await asyncio.wait({self._taking}, timeout=LETTING_GO_S)
                    if going_on:  # it waits for a broker: its producers must not outlive its partitions
                        raise DependencyDown(
                            f"a take-over did not end within {LETTING_GO_S:.0f} s: Kafka does not answer"
                        )
                if self._watching:
                    self._watching.cancel()
                loops, self.loops = self.loops, {}
                tasks, self._running = self._running, {}
                self._health.gone()
                for loop in loops.values():
                    loop.close()
                if tasks:
                    try:
                        await asyncio.wait_for(asyncio.gather(*tasks.values()), LETTING_GO_S)
                    except TimeoutError:
                        raise DependencyDown(
                            f"the last commit did not end within {LETTING_GO_S:.0f} s: Kafka does not answer. What is open is "
                            "aborted and read again by whoever comes next"
                        ) from None
                    if self._settings.transactions:
                        self._kept = {n: Kept(*last) for n, loop in loops.items() if (last := loop.left())}
                    else:
                        self._left |= {n: loop.left_plain() for n, loop in loops.items()}
                    log.info("let go of partitions=%s", sorted(loops))
        except BaseException as error:  # noqa: BLE001 - the client would only log it and go on
            self._ports.die(error)
