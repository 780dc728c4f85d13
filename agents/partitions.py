"""The partitions of this worker: how they are taken over and let go, wired into Faust's rebalance and shutdown."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import time
import traceback
from typing import TYPE_CHECKING, cast

from faust.types import TP
from redis.exceptions import RedisError

from streams.broker.block import Block
from streams.broker.intake import Intake
from streams.broker.loop import SHARE, Loop
from streams.broker.publisher import PlainPublisher, TransactionalPublisher, plain_producer, transactional_producer
from streams.broker.recovery import Progress, Recovered, recover
from streams.broker.sending import Sender
from streams.broker.topics import SOURCES, STATE
from streams.broker.transport import Consumer
from streams.broker.view import View
from streams.errors import LostInput
from streams.model.alerts import FallRule
from streams.model.table import Table
from streams.model.versions import model
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.scoreboard.writer import Writer

if TYPE_CHECKING:
    from agents.app import Clout

log = logging.getLogger("clout.partitions")

LETTING_GO_S = 5.0  # well below the rebalance timeout; past it the worker ends and what is open is read again


class Partitions:
    """The loops of the partition numbers this worker holds, and what they share: a producer and a Redis client."""

    def __init__(self, app: Clout) -> None:
        self._app, self._settings = app, app.settings
        self._loops: dict[int, Loop] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._taking: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._owner = f"{socket.gethostname()}/{os.getpid()}"

    @property
    def _consumer(self) -> Consumer:
        return cast(Consumer, self._app.consumer)

    async def open(self) -> None:
        """Connect. Before the worker joins the group."""
        settings = self._settings
        self._producer = plain_producer(settings.kafka)
        await self._producer.start()
        self._redis = connect(settings)
        self._board = Writer(self._redis, settings.redis_prefix, settings.redis_shards, settings.partitions)

    async def close(self) -> None:
        """Let go of everything and disconnect."""
        await self.let_go()
        await self._producer.stop()
        await self._board.close()

    def deliver(self, block: Block) -> None:
        """A block from an agent goes to its partition, or nowhere if the partition has left."""
        loop = self._loops.get(block.partition)
        if loop:
            loop.offer(block)

    async def take(self, *_: object, **__: object) -> None:
        """Take over the partitions just assigned. Faust awaits this before the flow resumes; a revocation cancels it."""
        if self._app.should_stop:
            return
        task = self._taking = asyncio.create_task(self._take())
        await asyncio.wait({task})
        if not task.cancelled() and task.exception():
            die(task.exception())

    async def _take(self) -> None:
        consumer, settings = self._consumer, self._settings
        epoch, mine = consumer.epoch, self._assigned()
        began_s = time.monotonic()
        publishers = {number: self._publisher(number) for number in mine}
        loops: dict[int, Loop] = {}
        try:
            # first all fences, then all reading: what is read is final
            await asyncio.gather(*(publisher.start() for publisher in publishers.values()))
            found = await self._recovered(mine)
            pulses = await self._pulses()
            loops = {n: self._loop(n, len(mine), found[n], publishers[n], pulses.get(n, 0), epoch) for n in mine}
            positions = await self._positions(found)
            for number, loop in loops.items():
                loop.intake.positions = {
                    topic.name: positions[TP(settings.topic(topic.name), number)] for topic in SOURCES
                }
            if settings.transactions:  # the new generation, before the first block
                await asyncio.gather(*(loop.commit() for loop in loops.values()))
            if not await consumer.seek_blocks(positions, epoch):
                raise asyncio.CancelledError
        except BaseException:
            for loop in loops.values():
                loop.abandon()
            for publisher in publishers.values():
                await publisher.stop()
            raise
        self._loops = loops
        for number, loop in loops.items():
            self._running[number] = task = asyncio.create_task(loop.run(), name=f"partition {number}")
            task.add_done_callback(_ended)
        users = sum(len(one.table) for one in found.values())
        log.info("took partitions=%s users=%d seconds=%.2f", sorted(mine), users, time.monotonic() - began_s)

    async def _recovered(self, mine: set[int]) -> dict[int, Recovered]:
        settings, scoring = self._settings, model(self._settings.model)
        if not settings.transactions:
            return {number: Recovered(Table(scoring), None) for number in mine}
        return await recover(settings.kafka, settings.topic(STATE.name), mine, scoring, self._tell)

    def _tell(self, progress: Progress) -> None:
        log.info("recovering records=%d to_go=%d seconds_left=%s", *progress)

    async def _pulses(self) -> dict[int, int]:
        """The version that Redis shows of each partition; nothing when Redis is down."""
        settings = self._settings
        reader = Reader(self._redis, settings.redis_prefix, settings.redis_shards, settings.partitions)
        try:
            return {number: int(pulse["version"]) for number, pulse in (await reader.pulses()).items()}
        except (RedisError, OSError) as error:
            log.warning("redis does not answer at the take-over: error=%r", error)
            return {}

    async def _positions(self, found: dict[int, Recovered]) -> dict[TP, int]:
        """Where each source begins: at the header's position; without one at the log's start, or where the group is."""
        settings, consumer = self._settings, self._consumer
        wanted = {TP(settings.topic(topic.name), number) for topic in SOURCES for number in found}
        if not settings.transactions:
            return await consumer.starts(wanted)
        bounds, positions = await consumer.bounds(wanted), {}
        for topic, number in ((topic, number) for topic in SOURCES for number in found):
            tp, header = TP(settings.topic(topic.name), number), found[number].header
            first, end = bounds[tp]
            at = header.positions.get(topic.name, first) if header else first
            if at < first:
                raise LostInput(
                    f"{tp.topic}[{number}]: the next record to read is {at}, and retention has deleted what is below {first}. "
                    "It cannot be counted any more: keep the topic longer than a worker may be down. To go on without it, delete "
                    "the topic `state` and count what is left anew"
                )
            if at > end:
                raise LostInput(
                    f"{tp.topic}[{number}]: the next record to read is {at}, and the log ends at {end}: the topic was deleted and "
                    "made again. Restore it, or delete the topic `state` as well to start from nothing"
                )
            positions[tp] = at
        return positions

    def _assigned(self) -> set[int]:
        have: dict[str, set[int]] = {self._settings.topic(topic.name): set() for topic in SOURCES}
        for tp in self._consumer.assignment():
            have[tp.topic].add(tp.partition)
        numbers = next(iter(have.values()))
        if any(found != numbers for found in have.values()):
            raise LostInput(f"the group assigned different partition numbers of different topics: {have}")
        return numbers

    def _publisher(self, number: int) -> PlainPublisher | TransactionalPublisher:
        settings, consumer = self._settings, self._consumer
        if settings.transactions:
            name = f"{settings.app}-{settings.topic_prefix}{number}"
            return TransactionalPublisher(transactional_producer(settings.kafka, name), settings.app)

        async def commit_offsets(offsets: dict[tuple[str, int], int]) -> None:
            await consumer.commit_offsets({TP(topic, partition): at for (topic, partition), at in offsets.items()})

        return PlainPublisher(self._producer, commit_offsets)

    def _loop(
        self,
        number: int,
        held: int,
        found: Recovered,
        publisher: PlainPublisher | TransactionalPublisher,
        redis_version: int,
        epoch: int,
    ) -> Loop:
        settings, header = self._settings, found.header
        view = View(self._board, last=redis_version)
        before = max(header.generation if header else 0, redis_version >> 32)
        sender = Sender(
            found.table,
            number,
            publisher,
            view,
            FallRule(points=settings.alert_points, cooldown_ms=round(settings.alert_cooldown_h * 3_600_000)),
            topic=settings.topic,
            generation=before + 1,
            owner=self._owner,
            wall_ms=wall_ms,
        )
        loop = Loop(
            Intake(found.table, number, settings.partitions, settings.topic_prefix),
            sender,
            view,
            epoch=epoch,
            interval_s=settings.interval_s,
            share=SHARE / held,
            idle_s=settings.idle_s,
            stream_clock=settings.clock == "stream",
            wall_ms=wall_ms,
            monotonic_s=time.monotonic,
            folded=self._consumer.folded,
        )
        if header:
            loop.resume(header.now_ms, everyone=not header.shown or redis_version < header.version)
        return loop

    async def let_go(self) -> None:
        """Give up all partitions: fold nothing more, send what is there. Waits for a letting go under way."""
        self._consumer.end_epoch()
        try:
            async with self._one_at_a_time:
                if self._taking and not self._taking.done():
                    self._taking.cancel()
                    await asyncio.wait({self._taking}, timeout=LETTING_GO_S)
                loops, self._loops = self._loops, {}
                tasks, self._running = self._running, {}
                for loop in loops.values():
                    loop.close()
                if tasks:
                    await asyncio.wait_for(asyncio.gather(*tasks.values()), LETTING_GO_S)
                    log.info("let go of partitions=%s", sorted(loops))
        except BaseException as error:  # noqa: BLE001 - the client would only log it and go on
            die(error)


def wall_ms() -> float:
    """The wall clock, ms since epoch."""
    return time.time() * 1000


def die(why: object) -> None:
    """End the worker at once: no handler may run after this. The next one starts from what was committed."""
    sys.stderr.write(f"clout worker ends: {why if isinstance(why, LostInput) else repr(why)}\n")
    if isinstance(why, BaseException) and not isinstance(why, LostInput):
        traceback.print_exception(why)
    sys.stderr.flush()
    os._exit(1)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        die(task.exception())
