"""Following the topic `names`: what users are called, as it is committed."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.broker.scan import reading
from streams.broker.security import connection
from streams.broker.shown import check_shown
from streams.display_names import Named
from streams.formats.names import decode
from streams.settings import Settings
from streams.topics import NAMES

log = logging.getLogger("clout.feed")

_MOST_RECORDS = 2_000  # at once: as many are written to Redis with one call, which holds up others there


class Told(NamedTuple):
    """One record."""

    offset: int
    named: Named


class NameLog:
    """A reader of its one partition, outside any group. Methods raise NotAllowed, TopicMismatch, and the client's errors."""

    def __init__(self, settings: Settings) -> None:
        self._at = TopicPartition(settings.topic(NAMES.name), 0)
        self._consumer: Any = AIOKafkaConsumer(
            **connection(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        try:
            with reading():
                self._consumer.assign({self._at})
                await check_shown(self._consumer, {self._at})
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def end(self) -> int:
        """Behind all that is committed."""
        return int((await self._consumer.end_offsets([self._at]))[self._at])

    def seek(self, offset: int) -> None:
        """Go on from here; where it is no longer there, from what is."""
        self._consumer.seek(self._at, offset)

    async def more(self, wait_ms: int) -> tuple[int, list[Told]]:
        """What comes within this time, and the offset behind it. What is no name is left out, and said in the log."""
        with reading():
            came = await self._consumer.getmany(timeout_ms=wait_ms, max_records=_MOST_RECORDS)
        told = []
        for record in came.get(self._at, ()):
            try:
                told.append(Told(record.offset, decode(record.key or b"", record.value)))
            except ValueError as error:
                log.warning("left out %s[0]@%d: %s", self._at.topic, record.offset, error)
        return int(await self._consumer.position(self._at)), told
