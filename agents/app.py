"""The Faust app: a factory, nothing at import."""

from __future__ import annotations

import gc
import os
import socket
import tempfile
from typing import Any

import faust
from faust.transport.drivers import TRANSPORTS

from agents import actions, scoring
from agents.health import Health, Watcher
from agents.outside import Kafka, die
from streams.broker.partitions import Partitions
from streams.broker.topics import Topic
from streams.settings import Settings

_COLLECT = 100_000, 20, 20  # what is folded and sent makes few cycles: looking for them more often costs 5 to 10 %


class Clout(faust.App):
    """A worker: Faust fetches and rebalances, `partitions` does the rest."""

    def __init__(self, *args: Any, settings: Settings, health: Health, **options: Any) -> None:
        self.settings, self.health = settings, health
        self.outside = Kafka(self)
        self.partitions = Partitions(settings, self.outside, f"{socket.gethostname()}/{os.getpid()}", health)
        health.standings, health.figures = self.partitions.standings, self.partitions.figures
        self._watcher = Watcher(health, settings.stall_s, die)
        super().__init__(*args, **options)

    def source(self, *topics: Topic) -> faust.TopicT:
        """A Faust topic of blocks; nothing is acknowledged to Faust, positions are our own."""
        names = [self.settings.topic(topic.name) for topic in topics]
        source = self.topic(
            *names, key_serializer="raw", value_serializer="raw", acks=False, partitions=self.settings.partitions
        )
        source.maxsize = 10_000  # never full: the transport hands out a few blocks a partition and waits
        return source

    async def on_start(self) -> None:
        """Before the worker joins the group."""
        await super().on_start()
        await self.outside.open()
        self._watcher.start()

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
        await self.partitions.let_go()
        await self.outside.close()
        await super().on_stop()
        self._watcher.stop()


def create_app(settings: Settings, health: Health | None = None) -> Clout:
    """An app with both agents. Apps made by this function share nothing. `health` is kept up to date for whoever asks."""
    TRANSPORTS.aliases.setdefault("block", "streams.broker.transport:Transport")
    app = Clout(
        settings.app,
        settings=settings,
        health=health or Health(),
        broker=[f"block://{broker}" for broker in settings.kafka.split(",")],
        env_prefix="CLOUT_FAUST_",  # Faust's own variables have no prefix and beat the code
        autodiscover=False,
        datadir=f"{tempfile.gettempdir()}/clout-faust-{os.getuid()}",  # Faust wants a folder, and leaves it empty
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        table_standby_replicas=1,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        broker_max_poll_records=settings.block_records,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=max(1.0, settings.session_timeout_s / 10),
        broker_rebalance_timeout=20,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.name or None,  # a member that has one does not leave the group when it ends
        consumer_max_fetch_size=4_194_304,
        agent_supervisor="mode.CrashingSupervisor",
        web_enabled=False,
        # the same for all: whoever comes back by name from another machine gets an assignment that holds it, and Faust compares
        canonical_url="http://clout",
    )
    # table_standby_replicas=1 keeps Faust's co-partitioning assignor; with standbys it would spread 4 over 3 workers as 2, 2, 0
    app.assignor.replicas = 0
    app.on_rebalance_complete.connect(app.take)
    actions.define(app)
    scoring.define(app)
    return app
