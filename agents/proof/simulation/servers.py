"""What a worker of the simulation meets: Redis in memory, and a broker that hands out blocks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection

from redis.exceptions import ConnectionError as RedisDown

from agents.proof.simulation.following import Following
from agents.proof.simulation.process import Process
from agents.proof.simulation.publisher import Publisher
from streams.model.versions import model
from streams.partition.block import Block
from streams.partition.ports import Log, Shows, Source
from streams.partition.recovered import Progress, Recovered, loaded
from streams.policies.book import Book
from streams.scoreboard.flush import Flush, Look
from streams.topics import SOURCES, STATE

BLOCKS_OUT = 4
FETCH_S = 0.02


class Scoreboard:
    """`streams.scoreboard.flush.Scoreboard`: one worker's connection to Redis."""

    def __init__(self, process: Process) -> None:
        self._process, self._faults = process, process.faults

    async def write(self, flush: Flush) -> int:
        """See streams.scoreboard.flush.Scoreboard."""
        await self._process.step(f"writes version {flush.version & 0xFFFFFFFF} of {flush.partition} to redis")
        if self._faults.redis_slow_s:
            await asyncio.sleep(self._faults.redis_slow_s)
        self._check()
        before = self._faults.redis.apply(flush)
        if self._faults.random.random() < self._faults.answer_lost:
            raise RedisDown("the answer was lost")
        await self._process.step("was answered by redis")
        return before

    async def look(self, partition: int) -> Look:
        """See streams.scoreboard.flush.Scoreboard."""
        await self._process.step("looks at redis")
        self._check()
        return self._faults.redis.look(partition)

    async def lacking(self, partition: int, users: list[str], *, linked: bool = False) -> int:  # noqa: ARG002 - one shard
        """See streams.scoreboard.flush.Scoreboard."""
        await self._process.step("looks for its users in redis")
        self._check()
        return self._faults.redis.lacking(users, linked=linked)

    def _check(self) -> None:
        if self._faults.redis.down:
            raise RedisDown("redis is down")


class Servers:
    """`streams.partition.ports.Ports`, with what the block transport does: ends, epochs, room."""

    def __init__(self, process: Process, deliver: Callable[[Block], None], reading_rows: Callable[[], None]) -> None:
        """`deliver` takes a block that has arrived; `reading_rows` is called before rows are read."""
        self._process, self._faults = process, process.faults
        self._deliver, self._reading_rows = deliver, reading_rows
        self._model = model(process.faults.settings.model)  # the settings of others may be newer
        self.board = Scoreboard(process)
        self.epoch = 0
        self.numbers: set[int] = set()
        self._handed: dict[Source, int] = {}
        self._seen: dict[Source, int] = {}
        self._stable: dict[Source, int] = {}
        self._out: dict[Source, deque[int]] = {}
        self._lines: dict[Source, asyncio.Lock] = {}
        self._cpu_s = 0.0
        self.policies = Following(process)

    def assigned(self) -> set[int]:
        """What the group gave this worker."""
        return set(self.numbers)

    async def topics(self) -> dict[str, str]:
        """They are what they were."""
        return {topic.name: self._faults.broker.logs[topic.name, 0].topic_id for topic in (*SOURCES, STATE)}

    def book(self) -> Book:
        """As far as it was read."""
        return self.policies.book()

    def publisher(self, number: int) -> Publisher:
        """A publisher, not yet started."""
        return Publisher(self._process, number)

    async def recover(self, numbers: Collection[int], told: Callable[[Progress], None]) -> dict[int, Recovered]:  # noqa: ARG002
        """The latest record of every key."""
        recovered = {}
        self._reading_rows()
        for number in sorted(numbers):
            log, at = self._faults.broker.logs[STATE.name, number], 0
            end = log.end(committed=self._faults.committed)
            rows: dict[bytes, bytes] = {}
            while at < end:
                records, at = log.read(at, 40, committed=self._faults.committed)
                rows |= {record.key or b"": record.value or b"" for record in records}
                await self._process.step(f"recovers {number}")
            recovered[number] = await loaded(number, rows, self._model)
        return recovered

    async def state_ends(self, numbers: Collection[int]) -> dict[int, int]:
        """The committed ends of `state`."""
        await self._process.step("asks for the ends of state")
        return {number: self._faults.broker.logs[STATE.name, number].end() for number in numbers}

    async def shown(self) -> dict[int, Shows]:
        """What the pulses in Redis say."""
        await self._process.step("asks redis for the versions")
        return {} if self._faults.redis.down else self._faults.redis.says()

    async def logs(self, numbers: Collection[int]) -> dict[Source, Log]:
        """All sources, and `state`."""
        await self._process.step("asks for the logs")
        sources = [(topic.name, number) for topic in (*SOURCES, STATE) for number in numbers]
        logs = self._faults.broker.logs
        return {source: Log(logs[source].topic_id, 0, logs[source].end()) for source in sources}

    async def committed(self, numbers: Collection[int]) -> dict[Source, int]:
        """The group's offsets."""
        return {place: at for place, at in self._faults.broker.offsets.items() if place[1] in numbers}

    async def seek(self, positions: dict[Source, int], epoch: int) -> bool:
        """Hand out blocks from here on."""
        await self._process.step("seeks")
        if epoch != self.epoch:
            return False
        self._handed, self._seen, self._stable = dict(positions), dict(positions), {}
        self._out = {source: deque() for source in positions}
        self._process.spawn(self._fetch(epoch))
        return True

    async def _fetch(self, epoch: int) -> None:
        faults = self._faults
        while epoch == self.epoch:
            await self._process.step("fetches")
            news = faults.broker.news()
            sources, left = list(self._handed), False
            for source in faults.random.sample(sources, len(sources)):
                if epoch != self.epoch or len(self._out[source]) >= BLOCKS_OUT or not self._news_of(source):
                    continue
                if faults.random.random() < 0.7:
                    self._hand_out(source, epoch)
                    left |= self._stable.get(source, 0) > self._seen.get(source, 0)
                else:
                    left = True
            if left:
                await asyncio.sleep(FETCH_S)
            else:
                await news

    def _news_of(self, source: Source) -> bool:
        end = self._faults.broker.logs[source].end(committed=self._faults.committed)
        return end != self._stable.get(source) or end > self._seen[source]

    def _hand_out(self, source: Source, epoch: int) -> None:
        faults, log = self._faults, self._faults.broker.logs[source]
        records, after = log.read(self._seen[source], faults.random.randint(1, 8), committed=faults.committed)
        self._seen[source], self._stable[source] = after, log.end(committed=faults.committed)
        if records:
            block = Block(source[0], source[1], self._handed[source], after, epoch, records)
            self._handed[source] = after
            self._out[source].append(after)
            if faults.random.random() >= faults.block_lost:
                self._process.spawn(self._arrive(block))

    async def _arrive(self, block: Block) -> None:
        """Through the framework: blocks of one topic keep their order, and may arrive late, after a revocation too."""
        async with self._lines.setdefault((block.topic, block.partition), asyncio.Lock()):
            if self._faults.random.random() < 0.1:
                await asyncio.sleep(self._faults.random.expovariate(2))
            if self._process.alive:
                self._deliver(block)

    def handed(self, source: Source) -> int:
        """The end of the last block handed out."""
        return self._handed.get(source, -1)

    def seen(self, source: Source) -> int:
        """How far the client is."""
        return self._seen.get(source, -1)

    def ends(self, source: Source) -> tuple[int, int]:
        """As the last look had it."""
        return self._stable.get(source, 0), self._stable.get(source, 0)

    def behind(self, number: int) -> int:
        """As far as it was seen."""
        return sum(max(end - self._seen.get(at, 0), 0) for at, end in self._stable.items() if at[1] == number)

    def more(self, source: Source) -> bool:
        """Is there more than was handed out?"""
        stable = self._stable.get(source)
        return stable is None or stable > self._seen[source]

    def end_epoch(self) -> None:
        """Hand out nothing more."""
        self.epoch += 1
        self._handed, self._seen, self._stable, self._out = {}, {}, {}, {}

    def folded(self, block: Block) -> None:
        """Room again."""
        out = self._out.get((block.topic, block.partition), deque())
        full = len(out) >= BLOCKS_OUT
        while out and block.epoch == self.epoch and out[0] <= block.after:
            out.popleft()
        if full:
            self._faults.broker.changed()

    def wall_ms(self) -> float:
        """Virtual time, from a day that has a history."""
        return self._faults.wall_ms()

    def monotonic_s(self) -> float:
        """Virtual time."""
        return asyncio.get_running_loop().time()

    def cpu_s(self) -> float:
        """Anything: it decides how long intervals become."""
        self._cpu_s += self._faults.random.random() * 0.02
        return self._cpu_s

    def die(self, why: object) -> None:
        """The worker ends itself."""
        if self._process.alive and not isinstance(why, asyncio.CancelledError):
            self._faults.died(self._process.name, why)
            self._process.crash(repr(why))
