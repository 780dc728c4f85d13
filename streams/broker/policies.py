"""Reading the topic `policies`: its one partition, outside any group, read committed, to its end and on. For aiokafka 0.14."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, TopicAuthorizationFailedError

from streams.broker.allowed import denied
from streams.broker.diagnosis import down
from streams.broker.security import connection
from streams.broker.shown import check_shown
from streams.errors import DependencyDown
from streams.model.rules import built_in
from streams.policies.book import Policies
from streams.rights import READ
from streams.settings import Settings
from streams.topics import POLICIES

_FETCH_BYTES = 4_194_304
_RECORDS = 2_000  # taken at once: some 20 ms
_WAIT_MS = 500
ANSWER_S = 10.0  # a broker that takes longer is not there


def begun(settings: Settings) -> Policies:
    """What holds before anything is read: the built-in rules, as the settings have them."""
    return Policies(built_in(settings.alert_points, round(settings.alert_cooldown_h * 3_600)))


class Reading:
    """A connection that reads `policies` into `policies`, from the log's start; one at a time.

    Entering it and its methods raise DependencyDown when Kafka does not answer, NotAllowed where this user may not read,
    TopicMismatch where the topic is not there, Restarted when the log has been made anew.
    """

    def __init__(self, settings: Settings, policies: Policies, at: int | None = None) -> None:
        """`at`: read from this offset on, not from the log's start."""
        self._settings, self._policies, self._at = settings, policies, at
        self._tp = TopicPartition(settings.topic(POLICIES.name), 0)
        self._reader: Any = AIOKafkaConsumer(
            **connection(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH_BYTES,
        )

    async def __aenter__(self) -> Reading:
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self._reader.stop)
            try:
                await self._reader.start()
                self._reader.assign([self._tp])
                await check_shown(self._reader, [self._tp])
                first, end = await self.first(), await self.end()
            except (KafkaError, OSError, TimeoutError) as error:
                raise await self._why(error) from None
            if self._at is not None and not first <= self._at <= end:
                raise Restarted
            self._reader.seek(self._tp, first if self._at is None else self._at)
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.stop()

    async def first(self) -> int:
        """Where the log begins."""
        begins = await asyncio.wait_for(self._reader.beginning_offsets([self._tp]), ANSWER_S)
        return int(begins[self._tp])

    async def end(self) -> int:
        """Where what is committed ends now. Raises KafkaError or TimeoutError."""
        ends = await asyncio.wait_for(self._reader.end_offsets([self._tp]), ANSWER_S)
        return int(ends[self._tp])

    async def position(self) -> int:
        """The next offset to read."""
        return int(await self._reader.position(self._tp))

    async def to_end(self) -> None:
        """Read what is committed now, or a little more. The event loop gets its turn between two thousand records."""
        try:
            end = await self.end()
            while await self.position() < end:
                await self._take()
                await asyncio.sleep(0)
        except (KafkaError, OSError, TimeoutError) as error:
            raise await self._why(error) from None

    async def to_decided(self, patience_s: float) -> None:
        """Read on until no transaction is open before the log's end, for so long at most.

        What a transaction wrote can be read a moment after its commit was answered.
        """
        reader, tp, clock_s = self._reader, self._tp, asyncio.get_running_loop().time
        answered, until_s = reader.last_poll_timestamp(tp), clock_s() + patience_s
        while clock_s() < until_s:
            await self.more()
            # only a fetch that is answered from now on says where the log ends now
            if reader.last_poll_timestamp(tp) != answered and reader.highwater(tp) <= await self.position():
                return

    async def more(self) -> bool:
        """Wait half a second for what comes next; has something come?"""
        try:
            return await self._take()
        except (KafkaError, OSError, TimeoutError) as error:
            raise await self._why(error) from None

    async def check(self) -> None:
        """Is the broker still there, and the log the one that was read?"""
        try:
            if await self.end() < await self.position():
                raise Restarted
        except (KafkaError, OSError, TimeoutError) as error:
            raise await self._why(error) from None

    async def _take(self) -> bool:
        found = await self._reader.getmany(self._tp, timeout_ms=_WAIT_MS, max_records=_RECORDS)
        records = found.get(self._tp, ())
        for record in records:
            self._policies.read(record.offset, record.key, record.value)
        return bool(records)

    async def _why(self, error: BaseException) -> Exception:
        if isinstance(error, OffsetOutOfRangeError):
            return Restarted()
        if isinstance(error, TopicAuthorizationFailedError) and (reason := denied(error, READ)):
            return reason
        said = f"Kafka at {self._settings.kafka} does not give the policies ({type(error).__name__})"
        return await asyncio.to_thread(down, self._settings, said)


class Restarted(DependencyDown):
    """The log ends before what was read of it: the topic was deleted and made again."""


async def read(settings: Settings, decided_s: float = 0.0) -> Policies:
    """All policies there are now. Raises as `Reading`.

    With `decided_s` also those whose transaction is being committed, waiting so long at most: for who writes a policy anew by
    what it was.
    """
    policies = begun(settings)
    async with Reading(settings, policies) as reading:
        await reading.to_end()
        if decided_s:
            await reading.to_decided(decided_s)
    return policies
