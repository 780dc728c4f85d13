"""Kafka and Redis for a benchmark: those that were named, else our own on free loopback ports, and leaving nothing behind."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agents.local.cluster import KafkaCluster
from agents.local.embedded import ChildFailed, Process, child, embedded_redis, own_folder
from streams.broker.admin import Admin
from streams.broker.security import connection
from streams.scoreboard.connect import connect_sync
from streams.settings import Settings

ROOT = Path(__file__).resolve().parents[3]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Servers:
    """Where both are. `kafka_pid` is known for our own broker only; its CPU is then reported beside the worker's."""

    kafka: str
    redis: str
    kafka_pid: int | None = None


@contextlib.contextmanager
def servers(kafka: str | None, redis: str | None, say: Say) -> Iterator[Servers]:
    """The servers named; what is None is started here and ended with the block. Call from the main thread."""
    with contextlib.ExitStack() as stack:
        pid = None
        if kafka is None:
            say("starting an Apache Kafka (name one that runs with --kafka)")
            cluster = stack.enter_context(KafkaCluster(lasting=True))
            kafka, pid = cluster.bootstrap, cluster.pid(1)
        if redis is None:
            redis = stack.enter_context(embedded_redis())
        yield Servers(kafka, redis, pid)


@contextlib.contextmanager
def names(servers: Servers, **overrides: Any) -> Iterator[Settings]:
    """Settings with names nobody used before, and their topics; topics, group and keys are deleted at the end."""
    run = f"bench-{uuid.uuid4().hex[:8]}"
    settings = Settings.load(
        kafka=servers.kafka,
        redis=servers.redis,
        topic_prefix=f"{run}-",
        app=f"{run}-app",
        redis_prefix=run,
        **overrides,
    )
    try:
        with Admin(settings) as admin:
            admin.create()
        yield settings
    finally:
        if servers.kafka_pid is None:
            _delete_topics(settings)
        _delete_keys(settings)


@contextlib.contextmanager
def scoreboard(redis: str | None, **overrides: Any) -> Iterator[Settings]:
    """Settings with keys nobody used before, in the Redis that is named, else in our own; the keys are deleted at the end."""
    with contextlib.ExitStack() as stack:
        url = redis or stack.enter_context(embedded_redis())
        settings = Settings.load(redis=url, redis_prefix=f"bench-{uuid.uuid4().hex[:8]}", **overrides)
        try:
            yield settings
        finally:
            _delete_keys(settings)


@contextlib.contextmanager
def admin_client(settings: Settings) -> Iterator[Any]:
    """kafka-python's admin client."""
    from kafka.admin import KafkaAdminClient

    client = KafkaAdminClient(**connection(settings))
    try:
        yield client
    finally:
        client.close()


def count_records(settings: Settings, topic: str) -> int:
    """How many offsets all partitions of a topic of the registry have given out."""
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    wanted = {TopicPartition(settings.topic(topic), p): OffsetSpec.LATEST for p in range(settings.partitions)}
    with admin_client(settings) as client:
        return sum(end.offset for end in client.list_partition_offsets(wanted).values())


def log_bytes(settings: Settings, names: Collection[str]) -> dict[str, int]:
    """Size of the logs of these topics by full name, over their partitions; of several replicas the largest counts."""
    with admin_client(settings) as client:
        sizes = {
            (topic["name"], partition["partition_index"], broker["broker"]): partition["partition_size"]
            for broker in client.describe_log_dirs()
            for folder in broker["log_dirs"]
            for topic in folder["topics"]
            for partition in topic["partitions"]
            if topic["name"] in names
        }
    largest: Counter[tuple[str, int]] = Counter()
    for (name, number, _), size in sizes.items():
        largest[name, number] = max(largest[name, number], size)
    return {name: sum(size for (of, _), size in largest.items() if of == name) for name in names}


def redis_cpu_s(redis: Any) -> float:
    """User and system CPU seconds of the Redis server so far."""
    cpu = redis.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


def _delete_topics(settings: Settings) -> None:
    from kafka.errors import KafkaError

    with contextlib.suppress(KafkaError, OSError), admin_client(settings) as client:
        # frameworks put words of their own before the names of their topics
        ours = [name for name in client.list_topics() if settings.topic_prefix in name]
        if ours:
            client.delete_topics(ours)
        with contextlib.suppress(KafkaError):
            groups = [group["group_id"] for group in client.list_groups()]
            client.delete_groups([group for group in groups if group.startswith(settings.app)])


def _delete_keys(settings: Settings) -> None:
    from redis.exceptions import RedisError

    with contextlib.suppress(RedisError, OSError), connect_sync(settings) as redis:
        for key in redis.scan_iter(f"{settings.redis_prefix}*", count=1000):  # runs on one stage add a number
            redis.unlink(key)


@contextlib.contextmanager
def process(
    argv: list[str],
    settings: Settings,
    ready_text: bytes,
    *,
    start_s: float = 60.0,
    stop_s: float = 15.0,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Ready]:
    """A child of the benchmark, entered when its log says that it has its partitions and is about to read.

    The settings reach it as `CLOUT_*` variables, beside those of `extra`. From a checkout or from site-packages: modules are
    found beside ours.
    """
    from streams.settings import variable_of

    env = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    env |= {variable_of(name): str(getattr(settings, name)) for name in settings.__dataclass_fields__}
    env |= extra
    with own_folder() as folder:
        log = folder / "log"

        def ready(_: Process) -> bool:
            return ready_text in log.read_bytes()

        with child(argv, ready, log=log, env=env, cwd=folder, start_s=start_s, stop_s=stop_s) as running:
            yield Ready(running, time.monotonic(), log)


@dataclass(frozen=True)
class Ready:
    """A child that is about to read, and when it was (monotonic clock)."""

    process: Process
    at_s: float
    log: Path

    def check(self) -> None:
        """Raise ChildFailed with its last words if it has ended."""
        if self.process.poll() is not None:
            raise ChildFailed(
                f"the process under test ended with code {self.process.returncode}. Its last words: {self.words()}"
            )

    def words(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-1500:].decode(errors="replace")
