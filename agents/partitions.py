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

from streams.broker.block import Block
from streams.broker.intake import Intake
from streams.broker.loop import SHARE, Loop
from streams.broker.publisher import PlainPublisher, plain_producer
from streams.broker.sending import Sender
from streams.broker.topics import SOURCES
from streams.broker.transport import Consumer
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
        topics = [settings.topic(topic.name) for topic in SOURCES]
        wanted = {TP(topic, number) for topic in topics for number in mine}
        positions = await consumer.starts(wanted)
        reader = Reader(self._redis, settings.redis_prefix, settings.redis_shards, settings.partitions)
        generation = 1 + max((pulse["version"] >> 32 for pulse in (await reader.pulses()).values()), default=0)
        loops = {number: self._loop(number, len(mine), positions, epoch, generation) for number in mine}
        if not await consumer.seek_blocks(positions, epoch):
            raise asyncio.CancelledError
        self._loops = loops
        for number, loop in loops.items():
            self._running[number] = task = asyncio.create_task(loop.run(), name=f"partition {number}")
            task.add_done_callback(_ended)
        log.info("took partitions=%s", sorted(mine))

    def _assigned(self) -> set[int]:
        have: dict[str, set[int]] = {self._settings.topic(topic.name): set() for topic in SOURCES}
        for tp in self._consumer.assignment():
            have[tp.topic].add(tp.partition)
        numbers = next(iter(have.values()))
        if any(found != numbers for found in have.values()):
            raise LostInput(f"the group assigned different partition numbers of different topics: {have}")
        return numbers

    def _loop(self, number: int, held: int, positions: dict[TP, int], epoch: int, generation: int) -> Loop:
        settings, consumer = self._settings, self._consumer
        table = Table(model(settings.model))
        intake = Intake(table, number, settings.partitions, settings.topic_prefix)
        intake.positions = {t.name: positions[TP(settings.topic(t.name), number)] for t in SOURCES}

        async def commit_offsets(offsets: dict[tuple[str, int], int]) -> None:
            moved = {TP(topic, partition): at for (topic, partition), at in offsets.items()}
            await consumer.commit_offsets(moved)

        sender = Sender(
            table,
            number,
            PlainPublisher(self._producer, commit_offsets),
            self._board,
            FallRule(points=settings.alert_points, cooldown_ms=round(settings.alert_cooldown_h * 3_600_000)),
            topic=settings.topic,
            generation=generation,
            owner=self._owner,
            wall_ms=wall_ms,
        )
        return Loop(
            intake,
            sender,
            epoch=epoch,
            interval_s=settings.interval_ms / 1000,
            share=SHARE / held,
            idle_s=settings.idle_s,
            stream_clock=settings.clock == "stream",
            wall_ms=wall_ms,
            monotonic_s=time.monotonic,
            folded=consumer.folded,
        )

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
