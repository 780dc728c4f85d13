"""Reading the topic `scores` of a system under test: the last record of every user, and when it was written."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.broker.security import connection
from streams.settings import Settings


class Windows(msgspec.Struct, gc=False):
    """Decayed sums as of the record's time."""

    day: float = 0.0
    week: float = 0.0
    quarter: float = 0.0


class Last(msgspec.Struct, gc=False):
    """What is compared of a user's last record. Only Clout's have followers and a decayed number of own actions."""

    user: str
    engagements: int
    score: float = 0.0
    as_of: int = 0  #: ms
    windows: Windows = msgspec.field(default_factory=Windows)
    followers: int = 0
    acted: float = 0.0


read_record = msgspec.json.Decoder(Last).decode


class ScoresTopic:
    """Reads on when it is asked to, and fetches nothing in between: it shares its cores with what is measured."""

    def __init__(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        self._consumer, self._places = consumer, places
        self.last: dict[str, Last] = {}  #: last record of each user
        self.records = 0
        self.engagements = 0  #: over the last records
        self._settled_ms: dict[str, int] = {}

    async def ends(self) -> int:
        """Offsets given out so far, over all partitions."""
        return sum((await self._consumer.end_offsets(self._places)).values())

    async def read(self) -> None:
        """Read all that is committed by now."""
        self._consumer.resume(*self._places)
        while fetched := await self._consumer.getmany(timeout_ms=300, max_records=20_000):
            for records in fetched.values():
                for at in records:
                    self._note(read_record(at.value), at.timestamp)
        self._consumer.pause(*self._places)

    def _note(self, record: Last, at_ms: int) -> None:
        user, engagements = record.user, record.engagements
        before = self.last.get(user)
        counted = before.engagements if before else 0
        if before is None or engagements != counted:
            self._settled_ms[user] = at_ms
        self.engagements += engagements - counted
        self.last[user] = record
        self.records += 1

    def settled_s(self) -> float:
        """When (Unix time, the broker's clock) the last score was written that an engagement had changed."""
        return max(self._settled_ms.values()) / 1000


@contextlib.asynccontextmanager
async def scores_topic(settings: Settings) -> AsyncIterator[ScoresTopic]:
    """The topic of these settings, from its start, committed records only."""
    places = [TopicPartition(settings.topic("scores"), number) for number in range(settings.partitions)]
    consumer = AIOKafkaConsumer(**connection(settings), isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        consumer.pause(*places)
        await consumer.seek_to_beginning(*places)
        yield ScoresTopic(consumer, places)
    finally:
        await consumer.stop()
