"""What the partitions of a worker ask of the real servers: Faust's consumer, Kafka, Redis, the clocks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP
from redis.exceptions import RedisError

from agents.worker.ending import die
from agents.worker.policies import Following
from streams.broker.admin import Admin, Described
from streams.broker.publisher import PlainPublisher, TransactionalPublisher, plain_producer, transactional_producer
from streams.broker.recovery import ends, recover
from streams.broker.transport import Consumer
from streams.errors import DependencyDown, LostInput, TopicMismatch
from streams.model.versions import model
from streams.partition.block import Block
from streams.partition.ports import Log, Publisher, Shows, Source
from streams.partition.recovered import Progress, Recovered
from streams.policies.book import Book
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.scoreboard.writer import Writer
from streams.settings import Settings
from streams.topics import SOURCES, STATE

log = logging.getLogger("clout.servers")


class Servers:
    """`streams.partition.ports.Ports` on the real servers. `consumer` gives Faust's: an app makes it when it starts.

    `surplus`: topics may have more partitions than CLOUT_PARTITIONS; those are left alone, and this worker must be the only one.
    """

    def __init__(self, settings: Settings, consumer: Callable[[], Consumer], *, surplus: bool = False) -> None:
        self._settings, self._made, self._surplus = settings, consumer, surplus
        self._producer: AIOKafkaProducer | None = None
        self._admin: Admin | None = None
        self.redis = connect(settings)
        self._policies = Following(settings)
        shape = settings.redis_prefix, settings.redis_shards, settings.partitions
        self.board = Writer(self.redis, *shape, settings.app)

    async def open(self) -> None:
        """Connect, and read the policies to their end. Before the worker joins the group."""
        if not self._settings.transactions:
            self._producer = plain_producer(self._settings)
            await self._producer.start()
        await self._policies.open()

    async def close(self) -> None:
        """Disconnect."""
        await self._policies.close()
        if self._producer:
            await self._producer.stop()
        if self._admin:
            self._admin.close()
        await self.board.close()

    @property
    def _consumer(self) -> Consumer:
        return self._made()

    def _tp(self, source: Source) -> TP:
        return TP(self._settings.topic(source[0]), source[1])

    @property
    def epoch(self) -> int:
        """See Ports, as all that follows."""
        return self._consumer.epoch

    def assigned(self) -> set[int]:
        """The partition numbers of this worker."""
        have: dict[str, set[int]] = {self._settings.topic(topic.name): set() for topic in SOURCES}
        for tp in self._consumer.assignment():
            if not self._surplus or tp.partition < self._settings.partitions:
                have[tp.topic].add(tp.partition)
        return one_and_the_same(have)

    def book(self) -> Book:
        """The rules, as far as they were read."""
        return self._policies.book

    def publisher(self, number: int) -> Publisher:
        """A publisher, not yet started."""
        settings = self._settings
        if settings.transactions:
            producer = transactional_producer(settings, settings.transactional_id(number))
            return TransactionalPublisher(producer, settings.app)

        async def commit_offsets(offsets: dict[tuple[str, int], int]) -> None:
            await self._consumer.commit_offsets({TP(*at): offset for at, offset in offsets.items()})

        return PlainPublisher(self._producer, commit_offsets)

    async def recover(self, numbers: Collection[int], told: Callable[[Progress], None]) -> dict[int, Recovered]:
        """What these partitions kept."""
        settings = self._settings
        return await recover(settings, settings.topic(STATE.name), numbers, model(settings.model), told)

    async def state_ends(self, numbers: Collection[int]) -> dict[int, int]:
        """The committed ends of these partitions of `state`."""
        return await ends(self._settings, self._settings.topic(STATE.name), numbers)

    async def shown(self) -> dict[int, Shows]:
        """What Redis has of each partition."""
        settings = self._settings
        reader = Reader(self.redis, settings.redis_prefix, settings.redis_shards, settings.partitions)
        try:
            return {
                number: Shows(
                    *(int(said["version"]), int(said.get("complete", 0))),
                    *(str(said.get("origin", "")), str(said.get("model", ""))),
                )
                for number, said in (await reader.pulses()).items()
            }
        except (RedisError, OSError) as error:
            log.warning("redis does not answer at the take-over: error=%r", error)
            return {}

    async def logs(self, numbers: Collection[int]) -> dict[Source, Log]:
        """All sources of these numbers, and their `state`."""
        sources = {(topic.name, number) for topic in (*SOURCES, STATE) for number in numbers}
        try:
            ids = await self.topics()
            bounds = await self._consumer.bounds({self._tp(source) for source in sources})
        except KafkaError as error:
            raise DependencyDown(f"Kafka does not say where its logs begin and end: {error!r}") from None
        return {source: Log(ids[source[0]], *bounds[self._tp(source)]) for source in sources}

    async def topics(self) -> dict[str, str]:
        """The id of every source and of `state`, by base name. Raises TopicMismatch when one is not what it was at the start."""
        described, wanted = await asyncio.to_thread(self._described), self._settings.partitions
        topics = [(topic.name, self._settings.topic(topic.name)) for topic in (*SOURCES, STATE)]
        if gone := [full for name, full in topics if name not in described]:
            raise TopicMismatch(f"no longer there: {', '.join(gone)}; see `clout topics check`")
        for name, full in topics:
            has = described[name].partitions
            if has != wanted and not (self._surplus and has > wanted):
                raise TopicMismatch(
                    f"topic {full} has {has} partitions now, the others {wanted}: somebody has added some, and producers send "
                    "to them what no worker reads. Nothing is lost: deploy/README.md, `A topic has more partitions than it should`"
                )
        return {name: described[name].topic_id for name, _ in topics}

    def _described(self) -> dict[str, Described]:
        """In a thread: kafka-python's admin client blocks. One at a time asks."""
        admin, self._admin = self._admin or Admin(self._settings), None
        described = admin.described()
        self._admin = admin  # after an error the next one connects anew
        return described

    async def committed(self, numbers: Collection[int]) -> dict[Source, int]:
        """The group's offsets."""
        sources = {self._tp((topic.name, number)): (topic.name, number) for topic in SOURCES for number in numbers}
        return {sources[tp]: at for tp, at in (await self._consumer.committed_offsets(set(sources))).items()}

    async def seek(self, positions: dict[Source, int], epoch: int) -> bool:
        """Hand out blocks from these positions."""
        return await self._consumer.seek_blocks({self._tp(source): at for source, at in positions.items()}, epoch)

    def handed(self, source: Source) -> int:
        """The end of the last block handed out."""
        return self._consumer.handed(self._tp(source))

    def seen(self, source: Source) -> int:
        """How far the client is."""
        return self._consumer.seen(self._tp(source))

    def ends(self, source: Source) -> tuple[int, int]:
        """The committed end and the end of the log."""
        return self._consumer.ends(self._tp(source))

    def behind(self, number: int) -> int:
        """Offsets that the broker has and the client has not read."""
        sources = ((topic.name, number) for topic in SOURCES)
        return sum(max(self.ends(source)[0] - max(self.seen(source), 0), 0) for source in sources)

    def more(self, source: Source) -> bool:
        """Are there committed records not yet handed out?"""
        return self._consumer.more(self._tp(source))

    def end_epoch(self) -> None:
        """Hand out nothing until the next `seek`."""
        self._consumer.end_epoch()

    def folded(self, block: Block) -> None:
        """There may be room for another block."""
        self._consumer.folded(block)

    def wall_ms(self) -> float:
        """Milliseconds since epoch."""
        return time.time() * 1000

    def monotonic_s(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def cpu_s(self) -> float:
        """CPU seconds of this thread."""
        return time.thread_time()

    def die(self, why: object) -> None:
        """End the worker at once."""
        die(why)


def one_and_the_same(have: dict[str, set[int]]) -> set[int]:
    """The partition numbers that all topics have. Raises LostInput when they differ: rows and input would be torn apart."""
    numbers = next(iter(have.values()))
    if any(found != numbers for found in have.values()):
        told = ", ".join(f"{topic}: {sorted(found)}" for topic, found in have.items())
        raise LostInput(
            f"the group gave this worker different partition numbers of different topics ({told}). Is a consumer of another "
            "program in the same group? Give it a group of its own, or set another CLOUT_APP"
        )
    return numbers
