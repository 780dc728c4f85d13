"""For how long partitions stand still: a thread that looks at what is committed and at what Redis shows, twenty times a second."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from streams.broker.security import connection
from streams.errors import DependencyDown
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.settings import Settings
from streams.topics import STATE

_LOOK_S = 0.05
_EMPTY = (
    2  # what an interval without rows adds to `state`, as at a take-over: the header, and the marker of its transaction
)


@dataclass
class Seen:
    """One partition: the moments (monotonic seconds) at which something new was seen, and who has it by what Redis shows."""

    committed_s: list[float] = field(default_factory=list)  #: more rows committed to `state`
    shown_s: list[float] = field(default_factory=list)  #: a pulse that counts more events
    owner: str = ""
    end: int = -_EMPTY
    events: int = -1


class Watch:
    """All partitions of an application, while `watching`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seen = {number: Seen() for number in range(settings.partitions)}
        self._stopping, self._failed = threading.Event(), list[BaseException]()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look for as long as this is open. Raises DependencyDown if that was not possible."""
        thread = threading.Thread(target=self._run, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()
        self.check()

    def check(self) -> None:
        """Raise DependencyDown if looking has failed."""
        if self._failed:
            raise DependencyDown(f"the servers of the benchmark do not answer: {self._failed[0]!r}")

    def owners(self) -> dict[int, str]:
        """Who has each partition; empty: nobody yet."""
        return {number: seen.owner for number, seen in self.seen.items()}

    def alive_since(self, at_s: float) -> bool:
        """Was something of every partition committed, and something shown, after that moment?"""
        return all(
            moments and moments[-1] > at_s
            for seen in self.seen.values()
            for moments in (seen.committed_s, seen.shown_s)
        )

    def gaps(self, since_s: float) -> dict[int, tuple[float, float]]:
        """For each partition the longest time with nothing new since that moment: committed, shown; in seconds."""
        return {
            number: (_longest(seen.committed_s, since_s), _longest(seen.shown_s, since_s))
            for number, seen in self.seen.items()
        }

    def _run(self) -> None:
        try:
            asyncio.run(self._look())
        except (KafkaError, RedisError, OSError) as error:
            self._failed.append(error)

    async def _look(self) -> None:
        settings = self._settings
        reader = Reader(connect(settings), settings.redis_prefix, settings.redis_shards, settings.partitions)
        consumer = AIOKafkaConsumer(**connection(settings), isolation_level="read_committed", enable_auto_commit=False)
        await consumer.start()
        try:
            places = {TopicPartition(settings.topic(STATE.name), number): number for number in self.seen}
            while not self._stopping.is_set():
                for place, end in (await consumer.end_offsets(list(places))).items():
                    seen = self.seen[places[place]]
                    if end > seen.end + _EMPTY:
                        seen.committed_s.append(time.monotonic())
                    seen.end = end
                for number, pulse in (await reader.pulses()).items():
                    seen = self.seen[number]
                    seen.owner, events = pulse["owner"], sum(pulse["counts"].values())
                    if events != seen.events:
                        seen.events = events
                        seen.shown_s.append(time.monotonic())
                await asyncio.sleep(_LOOK_S)
        finally:
            await consumer.stop()
            await reader.close()


def _longest(moments: list[float], since_s: float) -> float:
    """The longest time between two moments, the later of which is after `since_s`; up to now if there is none."""
    before = [at for at in moments if at <= since_s][-1:] or [since_s]
    after = [at for at in moments if at > since_s] or [time.monotonic()]
    return max(later - earlier for earlier, later in zip([*before, *after], after, strict=False))
