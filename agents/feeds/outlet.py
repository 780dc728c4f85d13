"""Where what a live source gives goes: events and the cursor behind them, in one transaction where the broker has them.

Without transactions the cursor follows when the events are acknowledged: a crash in between sends those events again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, Self

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from streams.broker.allowed import denied
from streams.broker.diagnosis import down
from streams.broker.publisher import fenced_by, plain_producer, transactional_producer
from streams.errors import CloutError, DependencyDown, LostPlace
from streams.partitioner import partition_of
from streams.settings import Settings
from streams.sources.record import Produced
from streams.topics import CURSORS, NAMES, POLICIES

log = logging.getLogger("clout.feed")
_STOP_S = 5.0
_FENCED = (ProducerFenced, InvalidProducerEpoch)


class Tail(NamedTuple):
    """What is written behind the events."""

    cursor: tuple[bytes, bytes]  #: a record of `cursors`
    policies: Sequence[tuple[bytes, bytes | None]] = ()  #: records of `policies`, before it
    names: Sequence[tuple[bytes, bytes | None]] = ()  #: records of `names`, before it


class Outlet:
    """The one who writes for a source. Methods raise DependencyDown when the broker has gone, NotAllowed where rights are
    missing, LostPlace when another process has begun to feed from the same source.
    """

    def __init__(self, settings: Settings, source: str) -> None:
        self._settings, self._source = settings, source
        self._producer: Any = None

    async def __aenter__(self) -> Self:
        """Connect: from here on a predecessor can write no more, and what it left open is not there."""
        settings = self._settings
        if settings.transactions:
            self._producer = transactional_producer(settings, settings.source_id(self._source))
        else:
            self._producer = plain_producer(settings)
        try:
            async with self._said("does not answer in time"):
                await self._producer.start()
        except CloutError:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def write(self, events: Sequence[Produced], tail: Tail) -> None:
        """Returns once all of it is there for good; when it raises, none of it is, unless there are no transactions."""
        async with self._said("stopped taking records"):
            if not self._settings.transactions:
                await self._send(events)
                await self._follow(tail)
                return
            await self._producer.begin_transaction()
            async with contextlib.AsyncExitStack() as unless_committed:
                unless_committed.push_async_callback(self._abort)
                await self._send(events)
                await self._follow(tail)
                await self._producer.commit_transaction()
                unless_committed.pop_all()

    async def _send(self, events: Sequence[Produced]) -> None:
        """In their order for each key; until they are acknowledged."""
        places: dict[tuple[str, int], list[Produced]] = {}
        partitions = self._settings.partitions
        for event in events:
            places.setdefault((event.topic, partition_of(event.key, partitions)), []).append(event)
        sent: list[Any] = []
        for (base, partition), some in places.items():
            topic, batch = self._settings.topic(base), self._producer.create_batch()
            for event in some:
                key = event.key or None
                if batch.append(timestamp=None, key=key, value=event.value) is None:
                    sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                    batch = self._producer.create_batch()
                    batch.append(timestamp=None, key=key, value=event.value)
            sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)

    async def _follow(self, tail: Tail) -> None:
        each = ((NAMES, tail.names), (POLICIES, tail.policies), (CURSORS, [tail.cursor]))
        sent = [
            await self._producer.send(self._settings.topic(topic.name), value, key, partition=0)
            for topic, records in each
            for key, value in records
        ]
        await asyncio.gather(*sent)

    async def _abort(self) -> None:
        """So that nobody waits for its timeout. One that was fenced, or has no broker, has nothing to abort."""
        with contextlib.suppress(KafkaError, OSError, AssertionError, TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await self._producer.abort_transaction()

    @contextlib.asynccontextmanager
    async def _said(self, what: str) -> AsyncIterator[None]:
        try:
            async with fenced_by(self._producer):
                yield
        except _FENCED:
            # the client leaves futures behind that nobody waits for; their error is this one
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            raise LostPlace(
                f"another process has begun to feed from {self._source} and goes on where this one stops; nothing is lost or "
                "doubled. Run one for each source"
            ) from None
        except (KafkaError, OSError) as error:
            if not_allowed := denied(error):
                raise not_allowed from None
            said = f"Kafka at {self._settings.kafka} {what} ({type(error).__name__}: {error})"
            raise await asyncio.to_thread(down, self._settings, said) from None
        except AssertionError as error:  # how the client says that it is in no state to do that
            raise DependencyDown(f"Kafka at {self._settings.kafka} {what}: {error or 'the client gave up'}") from None

    async def _stop(self) -> None:
        with contextlib.suppress(TimeoutError, KafkaError, OSError):
            await asyncio.wait_for(self._producer.stop(), _STOP_S)
