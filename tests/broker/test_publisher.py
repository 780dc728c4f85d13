"""What both publishers promise: the same cases on the plain one, over two brokers, and on the transactional one.

Below them what only transactions give.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced
from kafka.admin import KafkaAdminClient

from agents.proof.bench.servers import log_bytes
from streams.broker.publisher import (
    MAX_BATCH_BYTES,
    PlainPublisher,
    TransactionalPublisher,
    plain_producer,
    transactional_producer,
)
from streams.formats.packed import Packed
from streams.settings import Settings

KINDS = ("plain on the embedded broker", "plain", "transactional")
PARTITIONS = 3
PATIENCE_S = 20.0
MOST_BYTES = 100_000  # a record the topic `narrow` takes

Publisher = PlainPublisher | TransactionalPublisher
Record = tuple[bytes | None, bytes]


class Scene(NamedTuple):
    """One broker with two topics, and names nobody else has."""

    kafka: str
    name: str
    transactional: bool
    compression: str = "none"

    @property
    def settings(self) -> Settings:
        """Those of the publisher."""
        return Settings(kafka=self.kafka, compression=self.compression)

    @property
    def wide(self) -> str:
        """A topic that takes anything."""
        return f"{self.name}wide"

    @property
    def narrow(self) -> str:
        """A topic that refuses large batches."""
        return f"{self.name}narrow"

    @property
    def group(self) -> str:
        """The consumer group."""
        return f"{self.name}group"

    @contextlib.asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """A publisher with a producer of its own, started."""
        if self.transactional:
            one: Publisher = TransactionalPublisher(transactional_producer(self.settings, f"{self.name}0"), self.group)
            try:
                await one.start()
                yield one
            finally:
                await one.stop()
            return
        async with plain_producer(self.settings) as producer, AIOKafkaConsumer(
            bootstrap_servers=self.kafka, group_id=self.group, enable_auto_commit=False
        ) as consumer:  # fmt: skip

            async def commit_offsets(offsets: dict[tuple[str, int], int]) -> None:
                wanted = {TopicPartition(*source): at for source, at in offsets.items()}
                consumer.assign(list(wanted))
                await consumer.commit(wanted)

            one = PlainPublisher(producer, commit_offsets)
            await one.start()
            yield one
            await one.stop()

    async def read(self, topic: str, count: int, *, committed: bool = True) -> dict[int, list[Record]]:
        """The first `count` records (key, value) of a topic, and what else is there then, by partition."""
        found: dict[int, list[Record]] = {number: [] for number in range(PARTITIONS)}
        async with asyncio.timeout(PATIENCE_S), self._reader(topic, committed) as reader:
            while sum(map(len, found.values())) < count:
                await self._some(reader, found, 500)
            await self._some(reader, found, 300)
        return found

    @contextlib.asynccontextmanager
    async def _reader(self, topic: str, committed: bool) -> AsyncIterator[AIOKafkaConsumer]:
        async with AIOKafkaConsumer(
            bootstrap_servers=self.kafka,
            isolation_level="read_committed" if committed else "read_uncommitted",
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
        ) as reader:
            parts = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            reader.assign(parts)
            for part in parts:
                reader.seek(part, 0)
            yield reader

    async def _some(self, reader: AIOKafkaConsumer, found: dict[int, list[Record]], wait_ms: int) -> None:
        for part, records in (await reader.getmany(timeout_ms=wait_ms)).items():
            found[part.partition] += [(record.key, record.value) for record in records]

    async def told(self, positions: dict[tuple[str, int], int]) -> bool:
        """Does the group know these? A transaction's offsets are seen with its marker, a moment after its commit returned."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := await self.positions(set(positions))) != positions:
                assert all(at is None or at <= positions[source] for source, at in found.items()), found
                await asyncio.sleep(0.02)
        return True

    async def positions(self, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], int | None]:
        """What the group knows now."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.kafka, group_id=self.group, enable_auto_commit=False
        ) as consumer:
            consumer.assign([TopicPartition(*source) for source in wanted])
            return {source: await consumer.committed(TopicPartition(*source)) for source in wanted}


@pytest.fixture(params=KINDS)
def scene(request: pytest.FixtureRequest, prefix: str) -> Scene:
    """Each implementation of a publisher on its broker."""
    embedded = request.param == KINDS[0]
    kafka = request.getfixturevalue("embedded_kafka" if embedded else "kafka")
    return _made(kafka, prefix, transactional=request.param == "transactional")


@pytest.fixture
def in_transactions(kafka: str, prefix: str) -> Scene:
    """The transactional one alone."""
    return _made(kafka, prefix, transactional=True)


def _made(kafka: str, prefix: str, *, transactional: bool) -> Scene:
    scene = Scene(kafka, prefix, transactional)
    topic = {"num_partitions": PARTITIONS, "replication_factor": 1}
    narrow = {"configs": {"max.message.bytes": str(MOST_BYTES)}}
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({scene.wide: topic, scene.narrow: topic | narrow}, wait_for_metadata=True)
    return scene


def numbered(first: int, count: int, *, size: int = 10) -> list[Record]:
    """Records with keys, some without, that know their number."""
    return [
        (f"k{n}".encode() if n % 3 else None, f"{n:08}".encode().ljust(size, b".")) for n in range(first, first + count)
    ]


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story, not for ever."""

    async def told() -> None:
        async with asyncio.timeout(3 * PATIENCE_S):
            await story()

    asyncio.run(told())


# -- what both promise -------------------------------------------------------------------------------------------------


def test_the_order_of_each_partition_is_kept(scene: Scene) -> None:
    """Whatever is sent in between to others, a partition has its records as they were handed over, over several intervals."""

    async def story() -> None:
        sent: dict[int, list[Record]] = {number: [] for number in range(PARTITIONS)}
        numbers = itertools.count(0, 40)
        async with scene.publisher() as publisher:
            for interval in range(3):
                await publisher.begin()
                for partition in (0, 2, 0, 1, 2, 0):
                    records = numbered(next(numbers), 40)
                    await publisher.send(scene.wide, partition, iter(records))
                    sent[partition] += records
                await publisher.commit({(scene.narrow, 0): interval})
        assert await scene.read(scene.wide, 3 * 6 * 40) == sent

    play(story)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_what_is_sent_can_be_compressed(scene: Scene, codec: str) -> None:
    """Whoever reads gets the same records; the log holds less of them."""
    records = numbered(0, 2_000, size=500)

    async def story() -> None:
        compressed = scene._replace(compression=codec)
        for topic, one in ((scene.wide, scene), (scene.narrow, compressed)):
            async with one.publisher() as publisher:
                await publisher.begin()
                for start in range(0, len(records), 100):  # packed or one by one, in turn
                    some = records[start : start + 100]
                    await publisher.send(topic, 0, Packed.of(some) if start % 200 else iter(some))
                await publisher.commit({(scene.wide, 0): 1})
            assert (await scene.read(topic, len(records)))[0] == records
        if scene.transactional:  # the embedded broker does not tell
            sizes = log_bytes(scene.settings, [scene.wide, scene.narrow])
            assert sizes[scene.narrow] < sizes[scene.wide] / 3

    play(story)


@pytest.mark.parametrize(
    "records",
    [
        numbered(0, 3 * MAX_BATCH_BYTES // 50_000, size=50_000),
        [*numbered(0, 5), (b"large", bytes(MAX_BATCH_BYTES + 50_000)), *numbered(5, 5)],
    ],
    ids=["three batches", "one record beyond a batch"],
)
def test_what_does_not_fit_into_a_batch_arrives_whole(scene: Scene, records: list[Record]) -> None:
    """Records of several batches, or one beyond the size of a batch and within what the broker takes: all arrive, in order."""

    async def story() -> None:
        async with scene.publisher() as publisher:
            await publisher.begin()
            await publisher.send(scene.wide, 1, records)
            await publisher.commit({(scene.narrow, 0): 1})
        assert (await scene.read(scene.wide, len(records)))[1] == records

    play(story)


def test_an_interval_without_records_moves_positions(scene: Scene) -> None:
    """Nothing sent, or nothing in what is sent: positions are known all the same, and nothing appears."""

    async def story() -> None:
        async with scene.publisher() as publisher:
            await publisher.begin()
            await publisher.commit({(scene.narrow, 0): 5}, last=True)
            assert await scene.told({(scene.narrow, 0): 5})
            await publisher.begin()
            await publisher.send(scene.wide, 0, [])
            await publisher.commit({(scene.narrow, 0): 7}, last=True)
        assert await scene.told({(scene.narrow, 0): 7})
        assert await scene.read(scene.wide, 0) == {0: [], 1: [], 2: []}

    play(story)


def test_the_group_knows_the_positions(scene: Scene) -> None:
    """After the last commit the group has every position that was given."""

    async def story() -> None:
        positions = {(scene.narrow, 0): 17, (scene.narrow, 2): 0, (scene.wide, 1): 4_000_000_000}
        async with scene.publisher() as publisher:
            await publisher.begin()
            await publisher.send(scene.wide, 0, numbered(0, 5))
            await publisher.commit(dict.fromkeys(positions, 1))
            await publisher.begin()
            await publisher.commit(positions, last=True)
            assert await scene.told(positions)

    play(story)


class Held:
    """Stands before a producer: batches go out, and their acknowledgements are kept back, or turned into a failure."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self.released = asyncio.Event()
        self.failure: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """As the producer does it."""
        sent = await self._producer.send_batch(batch, topic, partition=partition)

        async def answer() -> Any:
            found = await sent
            await self.released.wait()
            if self.failure:
                raise self.failure
            return found

        return asyncio.ensure_future(answer())


@contextlib.contextmanager
def holding(publisher: Publisher) -> Iterator[Held]:
    """Keep back the acknowledgements of a publisher's producer."""
    held = Held(publisher._producer)
    publisher._producer = held  # type: ignore[assignment]
    try:
        yield held
    finally:
        publisher._producer = held._producer


def test_commit_returns_when_everything_is_acknowledged(scene: Scene) -> None:
    """As long as one acknowledgement is missing commit does not return, and the group learns no position."""

    async def story() -> None:
        source = (scene.narrow, 0)
        async with scene.publisher() as publisher:
            with holding(publisher) as held:
                await publisher.begin()
                await publisher.send(scene.wide, 0, numbered(0, 5))
                committing = asyncio.ensure_future(publisher.commit({source: 9}, last=True))
                await asyncio.sleep(0.3)
                assert not committing.done()
                assert (await scene.positions({source}))[source] is None
                held.released.set()
                await committing
            assert await scene.told({source: 9})
            assert len((await scene.read(scene.wide, 5))[0]) == 5

    play(story)


def test_a_failed_send_raises_in_commit(scene: Scene) -> None:
    """It is not lost silently: commit raises, and the group learns no position, so the input is read again."""

    async def story() -> None:
        source = (scene.narrow, 0)
        async with scene.publisher() as publisher:
            with holding(publisher) as held:
                held.failure = KafkaError("lost")
                await publisher.begin()
                await publisher.send(scene.wide, 0, numbered(0, 5))
                held.released.set()
                with pytest.raises(KafkaError, match="lost"):
                    await publisher.commit({source: 9}, last=True)
            assert (await scene.positions({source}))[source] is None

    play(story)


@pytest.mark.parametrize("scene", KINDS[1:], indirect=True)
def test_what_the_broker_refuses_raises_in_commit(scene: Scene) -> None:
    """The same with a real refusal: a batch larger than the topic takes, with good ones before and behind it.

    Not on the embedded broker: it refuses nothing.
    """

    async def story() -> None:
        source = (scene.wide, 2)
        async with scene.publisher() as publisher:
            await publisher.begin()
            await publisher.send(scene.wide, 0, numbered(0, 5))
            await publisher.send(scene.narrow, 0, numbered(0, 3 * MOST_BYTES // 1_000, size=1_000))
            await publisher.send(scene.wide, 1, numbered(0, 5))
            with pytest.raises(MessageSizeTooLargeError):
                await publisher.commit({source: 9}, last=True)
            assert (await scene.positions({source}))[source] is None

    play(story)


# -- what only transactions give ---------------------------------------------------------------------------------------


def test_nothing_is_seen_before_the_commit_and_all_after(in_transactions: Scene) -> None:
    """Who reads committed sees none of an interval's records and positions until its commit, then all of them in all topics."""
    scene = in_transactions

    async def story() -> None:
        source, nobody = (scene.narrow, 2), {0: [], 1: [], 2: []}
        async with scene.publisher() as publisher:
            await publisher.begin()
            await publisher.send(scene.wide, 0, numbered(0, 5))
            await publisher.send(scene.narrow, 1, numbered(5, 5))
            await publisher.push()  # they are on the broker
            assert (await scene.read(scene.wide, 5, committed=False))[0] == numbered(0, 5)
            assert (await scene.read(scene.narrow, 5, committed=False))[1] == numbered(5, 5)
            assert await scene.read(scene.wide, 0) == nobody
            assert await scene.read(scene.narrow, 0) == nobody
            assert (await scene.positions({source}))[source] is None
            await publisher.commit({source: 3})
            assert (await scene.read(scene.wide, 5))[0] == numbered(0, 5)
            assert (await scene.read(scene.narrow, 5))[1] == numbered(5, 5)
            assert await scene.told({source: 3})

    play(story)


@pytest.mark.parametrize("late", ["send", "commit", "send when told", "commit when told"])
def test_a_successor_fences_and_aborts(in_transactions: Scene, late: str) -> None:
    """A second producer of the same id is up at once; what the first left open is never seen, and it can do nothing more."""
    scene = in_transactions

    async def story() -> None:
        source = (scene.narrow, 0)
        async with scene.publisher() as first:
            await first.begin()
            await first.send(scene.wide, 0, numbered(0, 5))
            await first.commit({source: 1})
            await first.begin()
            await first.send(scene.wide, 0, numbered(100, 5))
            await first.push()
            assert len((await scene.read(scene.wide, 10, committed=False))[0]) == 10  # they got there
            async with scene.publisher() as second:
                with pytest.raises(ProducerFenced):
                    await zombie(first, source)
                await second.begin()
                await second.send(scene.wide, 0, numbered(200, 5))
                await second.commit({source: 2})
                assert (await scene.read(scene.wide, 10))[0] == numbered(0, 5) + numbered(200, 5)
                assert await scene.told({source: 2})

    async def zombie(first: Publisher, source: tuple[str, int]) -> None:
        if late.endswith("when told"):
            await first.send(scene.wide, 0, numbered(105, 5))
            await first.push()
            with pytest.raises(ProducerFenced):
                await first._sent[scene.wide, 0][-1][1]
            first._sent.clear()
        if late.startswith("send"):
            await first.send(scene.wide, 0, numbered(105, 5))
            await first.push()
        await first.commit({source: 99})

    play(story)


def test_what_a_failed_interval_sent_is_never_seen(in_transactions: Scene) -> None:
    """A commit that raised leaves an open transaction; the next owner's start aborts it, good batches included."""
    scene = in_transactions

    async def story() -> None:
        source = (scene.narrow, 0)
        async with scene.publisher() as first:
            with holding(first) as held:
                held.failure = KafkaError("lost")
                held.released.set()
                await first.begin()
                await first.send(scene.wide, 0, numbered(0, 5))
                with pytest.raises(KafkaError, match="lost"):
                    await first.commit({source: 9})
            async with scene.publisher() as second:
                await second.begin()
                await second.send(scene.wide, 0, numbered(200, 5))
                await second.commit({source: 2})
                assert (await scene.read(scene.wide, 5))[0] == numbered(200, 5)
                assert await scene.told({source: 2})

    play(story)
