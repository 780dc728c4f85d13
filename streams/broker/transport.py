"""A Faust transport whose message is a block: what one fetch returned for one partition. For faust-streaming 0.15, aiokafka 0.14.

Three rules, all kept in the consumer thread:
 - nothing is handed out before `seek_blocks` named the positions in this very epoch (an epoch ends with each revocation);
 - a block says from where to where it moves the position;
 - nobody else may move a position: Faust's own seeks do nothing, a silent reset by the client ends the worker.
Topics are declared with `acks=False`: then Faust keeps no acknowledgements and commits nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.broker.block import Block
from streams.broker.damaged import guard
from streams.errors import LostInput

BLOCKS_OUT = 4  # blocks of one partition handed out and not yet folded
_ROOM_WAIT_S = 0.005  # how soon a partition that was full is looked at again


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer and the positions. Its state is touched by this thread, or while it waits for the main loop."""

    app: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        self.handed: dict[TP, int] = {}  # end of the last block handed out; at first the position sought
        self.seen: dict[TP, int] = {}  # the client's position after our last look: also passes markers
        self.epoch = 0
        # a partition has few blocks on their way: their ends (kept here), and how far they are folded (told by the main loop)
        self.out: dict[TP, deque[int]] = {}
        self.folded: dict[TP, int] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        settings = self.app.settings
        # Faust reads uncommitted and hard-codes 1 byte and 1500 ms; a fetch costs the same whatever it brings
        consumer._isolation_level = "read_committed"
        consumer._fetch_min_bytes = settings.fetch_min_bytes
        consumer._fetch_max_wait_ms = settings.fetch_wait_ms
        return consumer

    def end_epoch(self, epoch: int) -> None:
        """Nothing is handed out from here on. Called on the main loop while this thread waits in its callback, or at the end."""
        self.handed, self.seen, self.epoch = {}, {}, epoch
        self.out, self.folded = {}, {}

    def _has_room(self, tp: TP) -> bool:
        ends, folded = self.out.setdefault(tp, deque()), self.folded.get(tp, 0)
        while ends and ends[0] <= folded:
            ends.popleft()
        return len(ends) < BLOCKS_OUT

    async def bounds(self, partitions: set[TP]) -> dict[TP, tuple[int, int]]:
        """Start and end of each partition's log: the first offset there is, the next one to be committed."""
        consumer = self._ensure_consumer()
        first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        return {tp: (first[tp], end[tp]) for tp in partitions}

    async def starts(self, partitions: set[TP]) -> dict[TP, int]:
        """Where each partition begins for this group: its committed offset, or the log's start."""
        consumer = self._ensure_consumer()
        found = {tp: await consumer.committed(tp) for tp in partitions}
        missing = [tp for tp, offset in found.items() if offset is None]
        first = await consumer.beginning_offsets(missing) if missing else {}
        return {tp: first[tp] if offset is None else offset for tp, offset in found.items()}

    async def seek_blocks(self, positions: dict[TP, int], epoch: int) -> bool:
        """Start handing out blocks from these positions; False if the assignment has already changed again."""
        consumer = self._ensure_consumer()
        if epoch != self.epoch or consumer._subscription.reassignment_in_progress:
            return False
        for tp, offset in positions.items():  # no await in between: all or none
            consumer.seek(tp, offset)
        self.handed, self.seen = dict(positions), dict(positions)
        return True

    async def commit_offsets(self, offsets: dict[TP, int]) -> None:
        """Tell the group how far we are; lag monitors and restarts read it."""
        if offsets:
            await self._ensure_consumer().commit(
                {TopicPartition(*tp): OffsetAndMetadata(at, "") for tp, at in offsets.items()}
            )

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        fetcher, subscription = consumer._fetcher, consumer._subscription
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with subscription.fetch_context():
            for last_look in (False, True):
                if not self.consumer.flow_active or subscription.reassignment_in_progress:
                    return {}
                owned = [tp for tp in active_partitions if tp in self.handed]
                mine = [tp for tp in owned if self._has_room(tp)]
                if not mine:
                    await asyncio.sleep(_ROOM_WAIT_S)
                    return {}
                blocks = await self._drain(fetcher, subscription.subscription.assignment, mine, max_records)
                if blocks or last_look:
                    return blocks
                waiter = fetcher._create_fetch_waiter()
                wait_s = timeout if len(mine) == len(owned) else _ROOM_WAIT_S
                await asyncio.wait([waiter], timeout=wait_s)
                if not waiter.done():
                    waiter.cancel()
                    return {}
        return {}

    async def _drain(
        self, fetcher: Any, assignment: Any, mine: list[TP], max_records: int | None
    ) -> dict[TP, list[Block]]:
        handed, seen, epoch, state = self.handed, self.seen, self.epoch, assignment.state_value
        for tp in mine:
            at = state(tp)._position
            if at not in (None, seen[tp]):
                raise LostInput(
                    f"{tp.topic}[{tp.partition}]: the position moved from {seen[tp]} to {at} by itself, most likely because "
                    "retention deleted what was not read yet; restart the worker to go on from what is left"
                )
        guard(fetcher._records)
        # timeout 0: no await between the position before and the position after
        drained = await fetcher.fetched_records(mine, timeout=0, max_records=max_records)
        blocks = {}
        for tp in mine:
            if state(tp)._position is not None:
                seen[tp] = state(tp)._position
        for found, records in drained.items():
            tp = ensure_TP(found)
            blocks[tp] = [Block(tp.topic, tp.partition, handed[tp], seen[tp], epoch, records)]
            handed[tp] = seen[tp]
            self.out[tp].append(seen[tp])
        return blocks


class Consumer(driver.Consumer):
    """Faust's consumer, less everything that would keep or move positions behind our back."""

    app: Any
    _thread: ConsumerThread
    epoch = 0

    async def bounds(self, partitions: set[TP]) -> dict[TP, tuple[int, int]]:
        """See ConsumerThread."""
        return await self._thread.call_thread(self._thread.bounds, partitions)  # type: ignore[no-any-return]

    async def starts(self, partitions: set[TP]) -> dict[TP, int]:
        """See ConsumerThread."""
        return await self._thread.call_thread(self._thread.starts, partitions)  # type: ignore[no-any-return]

    async def seek_blocks(self, positions: dict[TP, int], epoch: int) -> bool:
        """See ConsumerThread."""
        return await self._thread.call_thread(self._thread.seek_blocks, positions, epoch)  # type: ignore[no-any-return]

    async def commit_offsets(self, offsets: dict[TP, int]) -> None:
        """See ConsumerThread."""
        await self._thread.call_thread(self._thread.commit_offsets, offsets)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        last = record.records[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, [], None, record,
            None, 0, 0, ensure_TP(tp), generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def _wait_next_records(self, timeout: float) -> Any:
        if self.flow_active and not self._get_active_partitions():
            await asyncio.sleep(_ROOM_WAIT_S)  # stock: one second
            return {}, self._active_partitions
        return await super()._wait_next_records(timeout)

    async def perform_seek(self) -> None:
        """Nothing. Stock: to the group's offsets, at each rebalance and whenever a fetch returns while the flow is stopped."""

    def end_epoch(self) -> None:
        """No block fetched so far may be folded any more, and none is handed out until the next `seek_blocks`."""
        self.epoch += 1
        self._thread.end_epoch(self.epoch)

    def folded(self, block: Block) -> None:
        """A block, or a first part of one, has been folded: there may be room for another of its partition."""
        if block.epoch == self.epoch:
            self._thread.folded[TP(block.topic, block.partition)] = block.after

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.app.partitions.let_go()
        self._read_offset.clear()  # it would silently drop what is read again
        await super().on_partitions_revoked(revoked)


class Transport(driver.Transport):
    """`block://host:port`."""

    Consumer = Consumer
    driver_version = "block+" + driver.Transport.driver_version
