"""The worker as a Faust app: Faust fetches and rebalances, the partitions do the rest."""

from __future__ import annotations

import gc
import os
import socket
from typing import Any, cast

import faust
from faust.tables import TableManager

from agents.surroundings.watch import Surroundings
from agents.worker.ending import die
from agents.worker.health import Health, Watcher
from agents.worker.servers import Servers
from streams.broker.transport import Consumer
from streams.partition.partitions import Partitions
from streams.settings import Settings
from streams.topics import Topic

_COLLECT = 100_000, 20, 20  # what is folded and sent makes few cycles: looking for them more often costs 5 to 10 %


class _NoTables(TableManager):
    """Faust waits a second for tables to be declared; ours are not Faust's, so there are none to wait for."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class Clout(faust.App):
    """A worker: Faust fetches and rebalances, `partitions` does the rest."""

    def __init__(self, *args: Any, settings: Settings, health: Health, surplus: bool, **options: Any) -> None:
        self.settings, self.health = settings, health
        self.ports = Servers(settings, lambda: cast(Consumer, self.consumer), surplus=surplus)
        owner = f"{socket.gethostname()}/{os.getpid()}"
        self.partitions = Partitions(settings, self.ports, owner, health)
        self._watcher = Watcher(health, self._beat, settings.stall_s, die)
        self._surroundings = Surroundings(
            settings,
            self.ports.redis,
            owner,
            self.partitions.figures,
            health.found,
            self.ports.book,
            surplus=surplus,
        )
        super().__init__(*args, TableManager=_NoTables, **options)

    def _beat(self) -> None:
        self.health.beat(self.partitions.standings(), self.partitions.figures(), self.ports.book())

    def source(self, *topics: Topic) -> faust.TopicT:
        """A Faust topic of blocks; nothing is acknowledged to Faust, positions are our own."""
        names = [self.settings.topic(topic.name) for topic in topics]
        source = self.topic(
            *names, key_serializer="raw", value_serializer="raw", acks=False, partitions=self.settings.partitions
        )
        source.maxsize = 10_000  # never full: the transport has a few blocks a partition out and waits
        return source

    def _create_directories(self) -> None:
        """None: Faust would make some for its tables, and leave them empty; a read-only file system needs none."""

    async def on_start(self) -> None:
        """Before the worker joins the group."""
        await super().on_start()
        await self.ports.open()
        self._watcher.start()
        self._surroundings.start()

    async def take(self, *_: object, **__: object) -> None:
        """Faust awaits this after each assignment, before the flow resumes."""
        if not self.should_stop:
            gc.unfreeze()  # tables that were let go are garbage again
            await self.partitions.take()
            gc.freeze()  # else a collection looks at the name and memory of every user: 0.1 s for 300,000
            gc.set_threshold(*_COLLECT)

    async def on_stop(self) -> None:
        """After SIGTERM or a crash."""
        if self.crashed:
            die(self.crash_reason or "the framework crashed")
        self._surroundings.stop()
        await self.partitions.let_go()
        await self.ports.close()
        await super().on_stop()
        self._watcher.stop()
