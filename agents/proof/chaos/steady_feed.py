"""The steady feed of a run: seeded events at a fixed rate, from a thread of its own, and a list of all that was sent."""

from __future__ import annotations

import asyncio
import threading
import time
import zlib
from dataclasses import replace
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.proof.chaos.persons import with_persons
from streams.broker.security import connection
from streams.errors import CloutError
from streams.partitioner import partition_of
from streams.settings import Settings
from streams.sources import Produced, Shape, Synthetic
from streams.topics import CONTROLS

_TICK_S = 0.02
#: a batch that cannot be delivered for so long is given up, and the run with it; no fault keeps a broker down longer
_GIVE_UP_MS = 180_000
#: more repeats and undos than in real data; every fortieth actor's events have a misplaced key and travel as strays
SHAPE = replace(Shape(), duplicate=0.03, undo=0.05, undo_after=150.0)
_ASTRAY = 40


class Sent(NamedTuple):
    """A record and where it went."""

    record: Produced
    partition: int


class FeedFailed(CloutError):
    """The feed itself lost or doubled something: the run says nothing about the workers."""


class Feeding:
    """Feeds from `start` to `stop`. An idempotent producer with acks=all: what it sent is in the log once, in order."""

    def __init__(self, settings: Settings, seed: int, rate: float, users: int) -> None:
        self._settings, self._rate = settings, rate
        invented = Synthetic(seed=seed, users=users, shape=SHAPE, clock=lambda: int(time.time() * 1000))
        self._source = with_persons(invented, seed)
        self.sent: list[Sent] = []
        self._failed: list[BaseException] = []
        self._stopping, self._over = threading.Event(), threading.Event()
        self._whole = False  # has it ended, and in order?
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    @property
    def events(self) -> int:
        """How many events have been sent; controls are none."""
        return sum(one.record.topic != CONTROLS.name for one in self.sent)

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def look(self) -> None:
        """Raise FeedFailed if something could not be sent."""
        if self._failed or (self._over.is_set() and not self._whole):
            why = repr(self._failed[0]) if self._failed else "it ended by itself, see above"
            raise FeedFailed(f"the feed could not send: {why}; this run says nothing about the workers")

    def stop(self) -> None:
        """Feed no more; returns when all is acknowledged. Raises FeedFailed."""
        self._stopping.set()
        self._thread.join()
        self.look()

    def _run(self) -> None:
        try:
            asyncio.run(self._feed())
            self._whole = True
        except (KafkaError, OSError) as error:
            self._failed.append(error)
        finally:
            self._over.set()

    async def _feed(self) -> None:
        settings = self._settings
        producer = AIOKafkaProducer(
            **connection(settings),
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=_GIVE_UP_MS,
            linger_ms=5,
        )
        await producer.start()
        try:
            began_s = time.monotonic()
            while not self._stopping.is_set():
                due = int((time.monotonic() - began_s) * self._rate) - len(self.sent)
                for _ in range(due):
                    await self._send(producer, next(self._source))
                await asyncio.sleep(_TICK_S)
        finally:
            await producer.stop()  # waits for what is on its way

    async def _send(self, producer: AIOKafkaProducer, record: Produced) -> None:
        partitions = self._settings.partitions
        partition = partition_of(record.key, partitions)
        if zlib.crc32(record.key) % _ASTRAY == 0 and record.topic != CONTROLS.name:
            partition = (partition + 1) % partitions
        self.sent.append(Sent(record, partition))
        topic = self._settings.topic(record.topic)
        (await producer.send(topic, record.value, record.key, partition)).add_done_callback(self._arrived)

    def _arrived(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            self._failed.append(asyncio.CancelledError())
        elif error := future.exception():
            self._failed.append(error)
