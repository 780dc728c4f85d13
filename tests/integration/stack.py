"""A whole Clout for one test: topics of its own on a shared Kafka, keys of its own in a shared Redis, workers as processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from crc32c import crc32c

from agents.local.embedded import Process, child, owned
from streams.broker.admin import Admin
from streams.partitioner import partition_of
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.settings import Settings, variable_of
from streams.sources import Produced
from tests.integration.forked import Nursery

PATIENCE_S = 60.0
WORKER = (sys.executable, "-m", "agents.cli.main", "worker")


class Stack:
    """Settings plus what a test does with them. Synchronous on the outside, so tests read as a story."""

    def __init__(
        self, kafka: str, redis: str, name: str, folder: Path, /, nursery: Nursery | None = None, **settings: Any
    ) -> None:
        """Its workers come from `nursery`, if there is one: see `tests.integration.forked`."""
        own = {
            "kafka": kafka,
            "redis": redis,
            "app": f"{name}app",
            "topic_prefix": name,
            "redis_prefix": f"{name}r",
            "session_timeout_s": 6,
        }
        self.settings = Settings.load({}, **(own | settings))
        self.folder, self._workers, self._nursery = folder, 0, nursery
        with Admin(self.settings) as admin:
            admin.create()

    @contextlib.contextmanager
    def worker(
        self,
        *,
        ready_s: float = 60.0,
        stop_s: float = 10.0,
        argv: Sequence[str | Path] = WORKER,
        wait: bool = True,
        **env: str,
    ) -> Iterator[Process]:
        """A worker process, entered once it holds partitions (or at once), ended with SIGTERM (SIGKILL after `stop_s`)."""
        self._workers += 1
        log = self.folder / f"worker-{self._workers}.log"

        def ready(_: Process) -> bool:
            return not wait or b"took partitions=" in log.read_bytes()

        try:
            with self._started(argv, ready, log, self._around() | env, ready_s, stop_s) as process:
                process.log = log  # type: ignore[attr-defined]
                yield process
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace")[-4000:])
            raise

    @contextlib.contextmanager
    def _started(
        self,
        argv: Sequence[str | Path],
        ready: Callable[[Process], bool],
        log: Path,
        env: dict[str, str],
        start_s: float,
        stop_s: float,
    ) -> Iterator[Process]:
        if self._nursery is None or argv is not WORKER:
            with child(argv, ready, log=log, env=env, start_s=start_s, stop_s=stop_s) as process:
                yield process
            return
        with log.open("ab+") as output:
            worker: Any = self._nursery.worker(env, log)
            with owned(worker, "worker", output, ready, start_s=start_s, stop_s=stop_s):
                yield worker

    def refused(self, *, patience_s: float = 60.0, argv: Sequence[str | Path] = WORKER, **env: str) -> str:
        """What a worker says that ends by itself with exit code 1."""
        log = self.folder / "refused.log"
        with child(argv, log=log, env=self._around() | env) as process:
            code = process.wait(patience_s)
        said = log.read_text(errors="replace")
        assert code == 1, said[-4000:]
        return said

    def environ(self) -> dict[str, str]:
        """The settings as variables for a child process."""
        return {variable_of(name): str(getattr(self.settings, name)) for name in self.settings.__slots__}

    def _around(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if not k.startswith("CLOUT_")} | self.environ()

    def feed(self, events: Iterable[Produced], *, rate: float | None = None) -> int:
        """Produce in the order given, each to the partition of its key; returns how many."""
        partitions = self.settings.partitions
        return self.produce(((e.topic, partition_of(e.key, partitions), e.key, e.value) for e in events), rate=rate)

    def produce(
        self, records: Iterable[tuple[str, int, bytes | None, bytes | None]], *, rate: float | None = None
    ) -> int:
        """Produce (base topic, partition, key, value) as they are; returns how many."""
        return asyncio.run(self._produce(records, rate))

    async def _produce(self, records: Iterable[tuple[str, int, bytes | None, bytes | None]], rate: float | None) -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka.split(","),
            max_batch_size=900_000,
            linger_ms=2,
            max_request_size=20_000_000,
        )
        await producer.start()
        fed, began, sent = 0, time.monotonic(), []
        try:
            for topic, partition, key, value in records:
                sent.append(await producer.send(self.settings.topic(topic), value, key, partition))
                fed += 1
                if rate and fed % 20 == 0:
                    await asyncio.sleep(max(0.0, began + fed / rate - time.monotonic()))
                if len(sent) >= 50_000:
                    await asyncio.gather(*sent)
                    sent = []
            await asyncio.gather(*sent)
        finally:
            await producer.stop()
        return fed

    def produce_damaged(self, topic: str, partition: int, values: list[bytes]) -> None:
        """Produce one batch that says it is gzip and is not; the checksum is right."""

        async def send() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka.split(","))
            await producer.start()
            try:
                batch = producer.create_batch()
                for value in values:
                    batch.append(key=None, value=value, timestamp=None)
                batch.close()
                raw = batch._build()
                raw[21:23] = (1).to_bytes(2, "big")  # attributes: gzip
                raw[17:21] = crc32c(bytes(raw[21:])).to_bytes(4, "big")
                await (await producer.send_batch(batch, self.settings.topic(topic), partition=partition))
            finally:
                await producer.stop()

        asyncio.run(send())

    def settled(self, fed: int, patience_s: float = PATIENCE_S) -> dict[str, int]:
        """Wait until everything fed is folded, rejected or dropped as a repeat; returns the counts of all partitions."""
        return asyncio.run(self._settled(fed, patience_s))

    async def _settled(self, fed: int, patience_s: float) -> dict[str, int]:
        deadline = time.monotonic() + patience_s
        async with self._reader() as reader:
            while True:
                counts: dict[str, int] = {}
                for pulse in (await reader.pulses()).values():
                    for name, count in pulse["counts"].items():
                        counts[name] = counts.get(name, 0) + count
                done = counts.get("folded", 0) + counts.get("rejected", 0) + counts.get("repeats", 0)
                assert done <= fed, f"{done} counted, {fed} fed: {counts}"
                if done == fed:
                    return counts
                assert time.monotonic() < deadline, f"only {done} of {fed} after {patience_s} s: {counts}"
                await asyncio.sleep(0.05)

    def records(self, users: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """The stored records of these users."""

        async def read() -> dict[str, dict[str, Any] | None]:
            names = list(users)
            async with self._reader() as reader:
                return dict(zip(names, await reader.users(names), strict=True))

        return asyncio.run(read())

    def pulses(self) -> dict[int, dict[str, Any]]:
        """What each partition last said."""

        async def read() -> dict[int, dict[str, Any]]:
            async with self._reader() as reader:
                return await reader.pulses()

        return asyncio.run(read())

    @contextlib.asynccontextmanager
    async def _reader(self) -> Any:
        s = self.settings
        reader = Reader(connect(s), s.redis_prefix, s.redis_shards, s.partitions)
        try:
            yield reader
        finally:
            await reader.close()

    def consume(self, topic: str) -> list[tuple[str | None, Any]]:
        """All (key, JSON value) of a topic, partition by partition."""
        return [
            (key.decode() if key else None, orjson.loads(value))
            for partition in range(self.settings.partitions)
            for key, value in self.stream(topic, partition)
        ]

    def stream(self, topic: str, partition: int) -> Iterator[tuple[bytes | None, bytes]]:
        """(key, value) of one partition up to its present end, read as they are asked for."""
        part = TopicPartition(self.settings.topic(topic), partition)

        async def begun() -> AIOKafkaConsumer:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.settings.kafka.split(","),
                auto_offset_reset="earliest",
                isolation_level="read_committed",
            )
            await consumer.start()
            consumer.assign([part])
            return consumer

        with asyncio.Runner() as runner:
            consumer = runner.run(begun())
            try:
                end = runner.run(consumer.end_offsets([part]))[part]
                while runner.run(consumer.position(part)) < end:
                    for one in runner.run(consumer.getmany(part, timeout_ms=500)).get(part, []):
                        yield one.key, one.value
            finally:
                runner.run(consumer.stop())
