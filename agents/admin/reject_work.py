"""What `clout rejects replay` and `clout rejects drop` do: events go back to their topics, and marks say so.

An event and its mark are in one transaction, so what went back is marked, and what is marked went back. There is one
transactional id for all who do this on a topic: who starts fences and aborts those before, and reads their marks to the end
before it sends anything. So an event goes back at most once, whatever is killed, and however many run at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced, RecordListTooLargeError

from agents.admin import reject_log as log
from agents.admin.reject_sorting import Back, Choice, way_back
from streams.broker.admin import Admin
from streams.broker.publisher import TransactionalPublisher, transactional_producer
from streams.errors import CloutError, DependencyDown
from streams.formats import rejects
from streams.formats.rejects import Kept, Mark
from streams.settings import Settings
from streams.topics import REJECTS

MOST_RECORDS = 1_000  # rejects of one transaction: it is open for milliseconds, and readers wait no longer
MOST_BYTES = 4_000_000


@dataclass(slots=True)
class Told:
    """Whom to tell: `waits` once if a transaction of somebody else is open, `moves` how far the reading is."""

    waits: Callable[[], None] = lambda: None
    moves: Callable[[int], None] = lambda _: None


@dataclass(slots=True)
class Tally:
    """What came of the rejects that were meant. Counts are of what is committed, or in a dry look of what would be."""

    reasons: Counter[str] = field(default_factory=Counter)  #: done now, by why they were rejected
    topics: Counter[str] = field(default_factory=Counter)  #: done now, by the full name of the topic they came from
    left: Counter[str] = field(default_factory=Counter)  #: by code, see `reject_sorting`
    already: Counter[str] = field(default_factory=Counter)  #: REPLAYED and DROPPED before
    ends: dict[int, int] = field(default_factory=dict)  #: of `rejects`, where the look ended

    @property
    def done(self) -> int:
        """How many were done now."""
        return self.reasons.total()


class _One(NamedTuple):
    """A reject that something is done about."""

    partition: int
    offset: int
    kept: Kept
    back: Back | None

    @property
    def size(self) -> int:
        return len(self.back.value) if self.back else 0


def look(settings: Settings, choice: Choice, done: str, told: Told) -> Tally:
    """What `work` would do now. Sends nothing and disturbs nobody. Raises CloutError, TopicMismatch, DependencyDown."""
    _transactions(settings, done)
    return asyncio.run(_Work(settings, choice, done, told).run(None, None))


def work(
    settings: Settings,
    choice: Choice,
    done: str,
    told: Told,
    tally: Tally | None = None,
    ends: Mapping[int, int] | None = None,
) -> Tally:
    """Send back (`done` is REPLAYED) or mark only (DROPPED). With `ends` nothing beyond them is touched.

    `tally` counts along, so that it is known what was committed before an error. Raises CloutError without transactions,
    when another one takes over, or when a topic refuses an event; TopicMismatch, DependencyDown.
    """
    _transactions(settings, done)
    with Admin(settings) as admin:
        admin.check()
    return asyncio.run(_Work(settings, choice, done, told, tally).guarded(ends))


def _transactions(settings: Settings, done: str) -> None:
    if not settings.transactions:
        raise CloutError(
            f"CLOUT_TRANSACTIONS is off, and without transactions an event could go back twice: nothing was {done}. "
            "On an Apache Kafka leave it on"
        )


class _Work:
    def __init__(self, settings: Settings, choice: Choice, done: str, told: Told, tally: Tally | None = None) -> None:
        self._settings, self._choice, self._done, self._told = settings, choice, done, told
        self.tally = tally if tally is not None else Tally()

    async def guarded(self, ends: Mapping[int, int] | None) -> Tally:
        """`run` with a publisher; what can go wrong is said."""
        settings = self._settings
        producer = transactional_producer(settings, _transactional_id(settings))
        publisher = TransactionalPublisher(producer, "")
        try:
            async with AsyncExitStack() as stack:
                stack.push_async_callback(publisher.stop)
                await self._start(publisher)
                return await self.run(publisher, ends)
        except ProducerFenced:
            # the client leaves futures behind that nobody waits for; their error is this one
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            raise CloutError(
                f"another `clout rejects` that replays or drops has begun and goes on instead of this one, which has {self._done} "
                f"{self.tally.done:,}. Nothing is done twice"
            ) from None
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            raise CloutError(
                f"a topic refuses an event as larger than its max.message.bytes. {self.tally.done:,} were {self._done} before, "
                "the rest was not sent. Raise max.message.bytes to at least 1000000, then run it again"
            ) from None
        except (KafkaError, OSError) as error:
            raise DependencyDown(
                f"Kafka at {settings.kafka} stopped taking records ({type(error).__name__}: {error}); {self.tally.done:,} were "
                f"{self._done}. Run it again: what is done is not done twice"
            ) from None

    async def _start(self, publisher: TransactionalPublisher) -> None:
        try:
            await publisher.start()
        except (KafkaError, OSError) as error:
            raise DependencyDown(
                f"Kafka at {self._settings.kafka} begins no transaction ({type(error).__name__}: {error}), so nothing was "
                f"{self._done}. It needs an Apache Kafka, and for its user the right to the transactional id "
                f"{_transactional_id(self._settings)}"
            ) from None

    async def run(self, publisher: TransactionalPublisher | None, ends: Mapping[int, int] | None) -> Tally:
        """Without a publisher only look."""
        settings, tally = self._settings, self.tally
        with Admin(settings) as admin:
            admin.check()
            logs = log.bounds(settings, admin)
        if publisher is None:
            read_to = {number: at.committed for number, at in logs.items()}
        else:  # to the very end: beyond a transaction that a worker has open there may be marks
            read_to = {number: at.end for number, at in logs.items()}
            if any(at.committed < at.end for at in logs.values()):
                self._told.waits()
        tally.ends = read_to
        begins = await log.since(settings, logs, self._choice.since_ms)
        marks = await log.marks(settings, begins, read_to)
        limit = read_to if publisher and ends is None else ends
        waiting: list[_One] = []
        size = chosen = read = 0
        async with aclosing(log.records(settings, begins, read_to)) as records:
            async for found in records:
                read += 1
                self._told.moves(read)
                if limit and found.offset >= limit[found.partition]:
                    continue
                one = self._chosen(found, marks)
                if one is None:
                    continue
                waiting.append(one)
                chosen, size = chosen + 1, size + one.size
                if chosen == self._choice.most:
                    break
                if len(waiting) >= MOST_RECORDS or size >= MOST_BYTES:
                    await self._send(publisher, waiting)
                    waiting, size = [], 0
        await self._send(publisher, waiting)
        return tally

    def _chosen(self, found: log.Found, marks: log.Marks) -> _One | None:
        """The reject if something is to be done about it; else it is counted, if it was meant."""
        kept, choice, tally = found.what, self._choice, self.tally
        if isinstance(kept, Mark):
            return None
        if kept is None:
            if choice.has(found.at_ms, ""):
                tally.left["unreadable"] += 1
            return None
        if not choice.has(found.at_ms, kept.reason):
            return None
        if done := marks.of(found.partition, found.offset):
            tally.already[done] += 1
            return None
        back = None
        if self._done == rejects.REPLAYED:
            way = way_back(kept, self._settings, int(time.time() * 1000))
            if isinstance(way, str):
                tally.left[way] += 1
                return None
            back = way
        return _One(found.partition, found.offset, kept, back)

    async def _send(self, publisher: TransactionalPublisher | None, ones: list[_One]) -> None:
        """Events and marks in one transaction; counted when it is committed."""
        if publisher and ones:
            events: dict[tuple[str, int], list[tuple[bytes, bytes]]] = defaultdict(list)
            marks: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
            for one in ones:
                if one.back:
                    events[one.back.topic, one.back.partition].append((one.back.key, one.back.value))
                marks[one.partition].append(rejects.mark(self._done, one.kept.origin, one.offset))
            topic = self._settings.topic
            async with AsyncExitStack() as unless_committed:
                unless_committed.push_async_callback(_abort, publisher)
                await publisher.begin()
                for (base, partition), some in events.items():
                    await publisher.send(topic(base), partition, some)
                for partition, some in marks.items():
                    await publisher.send(topic(REJECTS.name), partition, some)
                await publisher.commit({})
                unless_committed.pop_all()
        for one in ones:
            self.tally.reasons[one.kept.reason] += 1
            self.tally.topics[one.kept.origin.topic] += 1


def _transactional_id(settings: Settings) -> str:
    """By the topic, not by CLOUT_APP: whoever works on the same rejects has to fence the others."""
    return f"clout-rejects-{settings.topic(REJECTS.name)}"


async def _abort(publisher: TransactionalPublisher) -> None:
    """So that nobody waits for its timeout. One that was fenced, or has no broker, has nothing to abort."""
    with suppress(KafkaError, OSError, AssertionError):
        await publisher.abort()
