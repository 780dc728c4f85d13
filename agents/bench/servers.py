"""Kafka and Redis for a benchmark: those that were named, else our own on free loopback ports, and leaving nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.embedded import ATTEMPTS, ChildFailed, Process, child, embedded_redis, live_brokers, own_folder
from streams.broker.topics import Admin
from streams.errors import DependencyDown
from streams.scoreboard.connect import connect_sync
from streams.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
_KAFKA_UP = ROOT / "deploy" / "kafka" / "kafka-up"

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
            kafka, pid = stack.enter_context(_own_kafka())
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
def admin_client(settings: Settings) -> Iterator[Any]:
    """kafka-python's admin client."""
    from kafka.admin import KafkaAdminClient

    client = KafkaAdminClient(bootstrap_servers=settings.kafka.split(","))
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
        return sum(found.offset for found in client.list_partition_offsets(wanted).values())


def redis_cpu_s(redis: Any) -> float:
    """User and system CPU seconds of the Redis server so far."""
    cpu = redis.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


def _delete_topics(settings: Settings) -> None:
    from kafka.errors import KafkaError

    with contextlib.suppress(KafkaError, OSError), admin_client(settings) as client:
        ours = [name for name in client.list_topics() if name.startswith(settings.topic_prefix)]
        if ours:
            client.delete_topics(ours)
        with contextlib.suppress(KafkaError):
            client.delete_groups([settings.app])


def _delete_keys(settings: Settings) -> None:
    from redis.exceptions import RedisError

    with contextlib.suppress(RedisError, OSError), connect_sync(settings) as redis:
        for key in redis.scan_iter(f"{settings.redis_prefix}:*", count=1000):
            redis.unlink(key)


@contextlib.contextmanager
def _own_kafka() -> Iterator[tuple[str, int]]:
    if not _KAFKA_UP.is_file():
        raise DependencyDown(f"no {_KAFKA_UP}: run from a checkout of the project, or name a Kafka with --kafka")
    # with its own output on our stderr: the first time it fetches the jars
    if subprocess.run([_KAFKA_UP, "-j"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode:
        raise DependencyDown("no Apache Kafka could be prepared, see above; or name one that runs with --kafka")
    with contextlib.ExitStack() as stack:
        for attempt in range(1, ATTEMPTS + 1):
            folder = stack.enter_context(own_folder())
            argv = ["env", "-u", "KAFKA_EXTRA", str(_KAFKA_UP), "-f", "-d", str(folder), "-i", "1"]
            try:
                log = folder / "broker.log"
                process = stack.enter_context(child(argv, _answers(folder), log=log, start_s=90, stop_s=1))
            except ChildFailed:  # most likely the free port was taken meanwhile; the next folder gets another
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        yield f"127.0.0.1:{_decided(folder, 'port')}", process.pid


def _answers(folder: Path) -> Callable[[Process], bool]:
    def ready(_: Process) -> bool:
        port = _decided(folder, "port")
        return bool(port) and live_brokers(int(port), _decided(folder, "id")) == 1

    return ready


def _decided(folder: Path, name: str) -> str:
    with contextlib.suppress(OSError):
        found = re.search(rf"\b{name}=(\S+)", (folder / "cluster").read_text(encoding="utf-8"))
        return found[1] if found else ""
    return ""


@contextlib.contextmanager
def process(argv: list[str], settings: Settings, ready_text: bytes, *, start_s: float = 60.0) -> Iterator[Ready]:
    """A child of the benchmark, entered when its log says that it has its partitions and is about to read.

    The settings reach it as `CLOUT_*` variables. From a checkout or from site-packages: modules are found beside ours.
    """
    from streams.settings import variable_of

    env = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    env |= {variable_of(name): str(getattr(settings, name)) for name in settings.__dataclass_fields__}
    with own_folder() as folder:
        log = folder / "log"

        def ready(_: Process) -> bool:
            return ready_text in log.read_bytes()

        with child(argv, ready, log=log, env=env, cwd=folder, start_s=start_s, stop_s=15.0) as running:
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
            words = self.log.read_bytes()[-1500:].decode(errors="replace")
            raise ChildFailed(
                f"the process under test ended with code {self.process.returncode}. Its last words: {words}"
            )
