"""Where a run takes place: its own Kafka, Redis, topics, workers and feed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError

from agents.local.cluster import KafkaCluster
from agents.proof.chaos.crew import Crew
from agents.proof.chaos.diary import Telling
from agents.proof.chaos.redis_server import Store
from agents.proof.chaos.steady_feed import Feeding
from streams.broker.admin import Admin
from streams.broker.security import connection
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.settings import Settings
from streams.topics import ENGAGEMENTS, EVENTS, STATE

USERS = 2_000
_SESSION_S = 6  # Kafka's lower bound: the shortest wait until a killed worker is missed
_ASK_MS = 5_000
_IDLE_S = 1.0  # a flushed Redis is noticed so soon
_CLOSES_S = (
    40.0  # from when servers are up until the day closes: what comes on both sides of it makes a topic somebody's
)


class Stage:
    """What faults are done to, and what is looked at in the end."""

    def __init__(
        self, cluster: KafkaCluster, store: Store, settings: Settings, crew: Crew, feeding: Feeding, tell: Telling
    ) -> None:
        self.cluster, self.store, self.settings, self.crew, self.feeding, self.tell = (
            cluster, store, settings, crew, feeding, tell,
        )  # fmt: skip
        self.overdue = 0  #: workers that had to be killed after SIGTERM
        #: topics whose leaders are killed: where events come in, where they travel, where rows are kept, and Kafka's own
        #: of groups and transactions, which have as many partitions
        ours = [settings.topic(topic.name) for topic in (EVENTS[0], ENGAGEMENTS, STATE)]
        self.led = [*ours, "__consumer_offsets", "__transaction_state"]

    def look(self) -> None:
        """Once in a while: restart workers that ended by themselves. Raises when the feed has failed."""
        self.crew.look()
        self.feeding.look()

    def leader(self, topic: str, number: int) -> int:
        """The broker that leads a partition; 1 if nobody does."""
        for described in self._described():
            for partition in described["partitions"]:
                if described["name"] == topic and partition["partition_index"] == number:
                    return max(int(partition["leader_id"]), 1)
        return 1

    def in_sync(self) -> bool:
        """Is every replica of every partition there?"""
        try:
            partitions = [partition for described in self._described() for partition in described["partitions"]]
        except (KafkaError, OSError, RuntimeError):  # what the client raises while a broker starts: not yet
            return False
        return all(len(one["isr_nodes"]) == len(one["replica_nodes"]) for one in partitions)

    def _described(self) -> list[dict[str, Any]]:
        from kafka.admin import KafkaAdminClient

        patience = {"request_timeout_ms": _ASK_MS, "bootstrap_timeout_ms": _ASK_MS}
        client = KafkaAdminClient(**connection(self.settings), **patience)
        try:
            return client.describe_topics()  # type: ignore[no-any-return]
        finally:
            client.close()

    def counts(self) -> dict[str, int]:
        """What has become of the events, as Redis shows it: the counts of all partitions added up."""

        async def read() -> dict[str, int]:
            s = self.settings
            reader = Reader(connect(s), s.redis_prefix, s.redis_shards, s.partitions)
            try:
                counts: dict[str, int] = {}
                for pulse in (await reader.pulses()).values():
                    for name, count in pulse["counts"].items():
                        counts[name] = counts.get(name, 0) + count
                return counts
            finally:
                await reader.close()

        return asyncio.run(read())


@contextlib.contextmanager
def staged(
    folder: Path, tell: Telling, *, brokers: int, workers: int, rate: float, seed: int, model: str
) -> Iterator[Stage]:
    """Everything up, workers started and the feed ready to start; everything ended with the block.

    By the model `plain` nothing depends on the order in which topics are read: equal to 1e-6, or wrong.
    """
    with contextlib.ExitStack() as stack:
        tell(f"starting {brokers} Kafka broker{'s' * (brokers > 1)} and a Redis")
        cluster = stack.enter_context(KafkaCluster(brokers))
        store = stack.enter_context(Store(folder))
        settings = Settings.load(
            {},
            kafka=cluster.bootstrap,
            redis=store.url,
            app="chaos",
            topic_prefix="chaos-",
            redis_prefix="chaos",
            model=model,
            session_timeout_s=_SESSION_S,
            idle_s=_IDLE_S,
            day_closes=time.strftime("%H:%M:%S", time.gmtime(time.time() + _CLOSES_S)),
        )
        with Admin(settings) as admin:
            admin.create()
        crew = stack.enter_context(Crew(settings, folder, workers, tell))
        yield Stage(cluster, store, settings, crew, Feeding(settings, seed, rate, USERS), tell)
