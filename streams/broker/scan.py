"""Reading partitions to their committed ends, outside any group, a record batch at a time. For aiokafka 0.14."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Container, Iterable, Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from streams.broker.allowed import denied
from streams.broker.batches import in_whole_batches
from streams.broker.security import connection
from streams.broker.shown import check_shown
from streams.rights import READ
from streams.settings import Settings

_FETCH_BYTES = 4_194_304
_WAIT_S = 0.2


class Scan:
    """Reads these partitions side by side, from the given offsets (None: the log's start) to `ends`, or a little beyond.

    Entering it raises NotAllowed where this user may not read, TopicMismatch where a partition is not there.
    """

    def __init__(self, settings: Settings, begins: Mapping[TopicPartition, int | None]) -> None:
        self._begins = begins
        self._reader: Any = AIOKafkaConsumer(
            **connection(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=50,
        )
        self.firsts: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}  #: where what was committed ended at the start

    async def __aenter__(self) -> Scan:
        await self._reader.start()
        async with contextlib.AsyncExitStack() as undo:
            undo.enter_context(reading())
            undo.push_async_callback(self._reader.stop)
            partitions = set(self._begins)
            self._reader.assign(partitions)
            await check_shown(self._reader, partitions)
            self.ends = await self._reader.end_offsets(partitions)
            self.firsts = await self._reader.beginning_offsets(partitions)
            for tp, begin in self._begins.items():
                self._reader.seek(tp, self.firsts[tp] if begin is None else begin)
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.stop()

    async def left(self) -> dict[TopicPartition, int]:
        """Offsets still to be passed where there are any: records, and gaps that compaction and transactions made."""
        at = {tp: await self._reader.position(tp) for tp in self._begins}
        return {tp: self.ends[tp] - here for tp, here in at.items() if here < self.ends[tp]}

    async def fetches(
        self, but: Container[TopicPartition] = ()
    ) -> AsyncIterator[dict[TopicPartition, list[Iterable[Any]]]]:
        """What came in: batches by partition, each to be iterated once (.key, .value, .offset).

        Partitions in `but` are read no further; whoever reads may add to it. The first batch may begin with records below
        the offset asked for. The event loop gets its turn between two fetches.
        """
        fetcher = self._reader._fetcher
        while left := [tp for tp in await self.left() if tp not in but]:
            with self._reader._subscription.fetch_context():
                in_whole_batches(fetcher._records)
                # timeout 0: nothing can arrive between the line above and the end of this one
                with reading():
                    found = await fetcher.fetched_records(left, timeout=0)
                if not found:
                    waiter = fetcher._create_fetch_waiter()
                    await asyncio.wait([waiter], timeout=_WAIT_S)
                    waiter.cancel()
                    continue
            yield found
            await asyncio.sleep(0)


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Raises NotAllowed where the client says that this user may not read."""
    try:
        yield
    except TopicAuthorizationFailedError as error:
        raise denied(error, READ) or error from None
