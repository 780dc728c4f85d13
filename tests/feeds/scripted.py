"""A live source in memory that does what a test says: it breaks off, falls silent, refuses."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.feeds.runner import Runner
from streams.broker.admin import Admin
from streams.broker.policies import read
from streams.clocks import Clocks
from streams.display_names import Named
from streams.model.gaps import Gap
from streams.settings import Settings
from streams.sources import Produced, produced
from streams.sources.live import Batch, Lost, Missed
from streams.topics import EVENTS
from tests.feeds.contract import until

HOUR_MS = 3_600_000


def wall_ms() -> float:
    """Now, ms since epoch."""
    return time.time() * 1000


def clocks(wall: Callable[[], float] = wall_ms) -> Clocks:
    """Real ones, but for the one given."""
    return Clocks(wall, time.monotonic, time.thread_time)


@dataclass
class Scripted:
    """Events numbered from 0; the cursor is the number of the next. Faults happen once, at their number."""

    count: int = 100
    lost: dict[int, float | None] = field(default_factory=dict)  #: the connection is lost there; wait so long
    silent: set[int] = field(default_factory=set)  #: it falls silent for ever there
    oldest: int = 0  #: what is below is not to be had any more
    endless: bool = True  #: when all is said it waits for more; else it has ended for good
    ago_ms: int = 0  #: how old the first event is; each is a second older than the next, but none is from the future
    each: int = 1  #: events in a batch
    replays: bool = True
    stall_s: float | None = None
    endpoints: Sequence[str] = ("a", "b")
    name: str = "scripted"
    network: str = "t"
    asked: list[tuple[str, str | None]] = field(default_factory=list)  #: endpoint and cursor of each connection
    held: int = 0  #: batches that were taken
    names: dict[int, list[Named]] = field(default_factory=dict)  #: what is said beside events, by number
    began_ms: float = field(default_factory=wall_ms)

    def event(self, n: int) -> Produced:
        """One of them."""
        actor, target = f"a{n % 11}", f"b{n % 5}"
        kind = ("like", "share", "follow")[n % 3]
        known = {"id": f"e{n}", "type": kind, "network": self.network, "actor": actor, "target": target}
        return produced(known | {"ts": self.ts(n)})

    def ts(self, n: int) -> int:
        """When it happened."""
        return int(min(self.began_ms - self.ago_ms + 1_000 * n, self.began_ms))

    async def events(self, endpoint: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """See LiveSource."""
        self.asked.append((endpoint, cursor))
        n = int(cursor or 0)
        missed = Missed(self.ts(n), self.ts(self.oldest)) if n < self.oldest else None
        n = max(n, self.oldest)
        while n < self.count or self.endless:
            if n >= self.count:
                await asyncio.sleep(0.01)
                continue
            if n in self.lost:
                raise Lost(f"lost at {n}", self.lost.pop(n))
            if n in self.silent:
                self.silent.remove(n)
                await asyncio.Event().wait()
            some = range(n, min(n + self.each, self.count))
            n = some.stop
            self.held += 1
            said = [named for one in some for named in self.names.get(one, ())]
            yield Batch([self.event(one) for one in some], str(n), self.ts(n - 1), missed=missed, names=said)
            missed = None


def runner(settings: Settings, source: Scripted, **more: object) -> Runner:
    """One process, as it were."""
    return Runner(settings, source, clocks(), Random(1), **more)  # type: ignore[arg-type]


async def told(settings: Settings, topics: Sequence[str] = tuple(topic.name for topic in EVENTS)) -> list[bytes]:
    """The values of all committed records of these topics, by partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    try:
        counts = {name: 1 if name in {"policies", "cursors", "names"} else settings.partitions for name in topics}
        places = [TopicPartition(settings.topic(name), n) for name, count in counts.items() for n in range(count)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[bytes] = []
        while any([await consumer.position(tp) < ends[tp] for tp in places]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found += [record.value for record in records]
        return found
    finally:
        await consumer.stop()


def made(kafka: str, prefix: str, *, transactions: bool = True, **more: object) -> Settings:
    settings = Settings.load(
        {}, kafka=kafka, app=f"{prefix}app", topic_prefix=prefix, partitions=2, transactions=transactions, **more
    )
    with Admin(settings) as admin:
        admin.create()
    return settings


async def lived(runner: Runner, enough: Callable[[], bool], then: Callable[[], Awaitable[None]] | None = None) -> None:
    """A life of a process that ends as by SIGTERM, once it is enough."""
    stop = asyncio.Event()
    life = asyncio.create_task(runner.run(stop))
    watch = asyncio.create_task(until(lambda: enough() or life.done()))
    await watch
    if then:
        await then()
    stop.set()
    await life


async def ids(settings: Settings) -> Counter[str]:
    """What is in the topics."""
    return Counter(orjson.loads(value)["id"] for value in await told(settings))


async def gaps(settings: Settings, network: str = "t") -> list[Gap]:
    """Those of the network, the newest first."""
    book = (await read(settings)).book()
    return [gap for one in book.gaps if one.network == network for gap in one.gaps]
