"""The thread that owns aiokafka's consumer and gives what it fetched as blocks. For faust-streaming 0.15, aiokafka 0.14.

Three rules, all kept here:
 - nothing is handed out before `seek_blocks` named the positions in this very epoch (an epoch ends with each revocation);
 - a block says from where to where it moves the position;
 - nobody else may move a position: Faust's own seeks do nothing, a silent reset by the client ends the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from typing import Any

from aiokafka.errors import ConsumerStoppedError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.broker.allowed import denied
from streams.broker.batches import in_whole_batches
from streams.broker.damaged import readable
from streams.broker.shown import check_readable
from streams.errors import LostInput, LostPlace
from streams.partition.block import Block, blocks
from streams.partition.fetched import Fetched
from streams.rights import READ

FULL_BLOCKS_OUT = 4  # records of one partition handed out and not yet folded: as many as fill so many blocks
BLOCKS_OUT = 100  # and so many blocks: live they are small, and events must be there when their interval ends
ROOM_WAIT_S = 0.005  # how soon a partition that was full is looked at again
_ASK_S = 1.0  # between two looks whether the group has refused this worker
# naming a partition costs, empty or not: a worker with many asks less often
_FETCH_WAIT_EACH_MS = 0.2
_FETCH_WAIT_MS = 100


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer and the positions. Its state is touched by this thread, or while it waits for the main loop."""

    app: Any
    _asking: asyncio.Task[None] | None = None
    _failed: KafkaError | None = None  # a fetch, while others had brought something

    def __post_init__(self) -> None:
        super().__post_init__()
        self.handed: dict[TP, int] = {}  # end of the last block handed out; at first the position sought
        self.seen: dict[TP, int] = {}  # the client's position after our last look: also passes markers
        self.stable: dict[TP, int] = {}  # the committed end as the last answer to a fetch said it
        self.ends: dict[TP, tuple[int, int]] = {}  # the same, and the end of the log
        self.epoch = 0
        # blocks on their way to the tables (kept here), and how far they are folded (told by the main loop): is there room?
        self.out: dict[TP, deque[tuple[int, int]]] = {}  # end, records
        self.folded: dict[TP, int] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        settings = self.app.settings
        # Faust reads uncommitted and hard-codes 1 byte and 1500 ms; a fetch costs the same whatever it brings
        consumer._isolation_level = "read_committed"
        consumer._fetch_min_bytes = settings.fetch_min_bytes
        consumer._fetch_max_wait_ms = settings.fetch_wait_ms
        return consumer

    async def on_start(self) -> None:
        """Connect, and ask for errors from then on."""
        await super().on_start()
        self._asking = asyncio.create_task(self._ask_for_errors())

    async def _ask_for_errors(self) -> None:
        """The client keeps what the group says of this worker until somebody asks, and does not join before. Faust never asks."""
        settings = self.app.settings
        while True:
            await asyncio.sleep(_ASK_S)
            try:
                self._ensure_consumer()._coordinator.check_errors()
            except KafkaError as error:
                self.app.ports.die(
                    denied(error, READ)
                    or LostPlace(
                        f"the group {settings.app} refuses this worker: {error!r}. Is a consumer of another program in the same "
                        "group, or another worker with the same CLOUT_NAME? Give each application a CLOUT_APP and each worker a "
                        "CLOUT_NAME of its own"
                    )
                )

    @property
    def forgotten(self) -> bool:
        """Does the group no longer know this worker? Then it must join as somebody new."""
        return not self._ensure_consumer()._coordinator.member_id

    async def on_thread_stop(self) -> None:
        """Close the client. While a broker is away aiokafka passes on that its own fetch was cancelled; mode takes this for a
        thread that is still running, and the worker would wait for its end for ever."""
        if self._asking:
            self._asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await super().on_thread_stop()

    def end_epoch(self, epoch: int) -> None:
        """Nothing is handed out from here on. Called on the main loop: while this thread waits in its callback, or, at
        SIGTERM, whatever it does; `_drain` reads in the opposite order."""
        self.handed, self.seen, self.stable, self.ends, self.epoch = {}, {}, {}, {}, epoch
        self.out, self.folded, self._failed = {}, {}, None

    def _has_room(self, tp: TP) -> bool:
        out, folded = self.out.setdefault(tp, deque()), self.folded.get(tp, 0)
        while out and out[0][0] <= folded:
            out.popleft()
        most = FULL_BLOCKS_OUT * self.app.settings.block_records
        return len(out) < BLOCKS_OUT and sum(count for _, count in out) < most

    async def bounds(self, partitions: set[TP]) -> dict[TP, tuple[int, int]]:
        """Start and end of each partition's log: the first offset there is, the next one to be committed."""
        consumer = self._ensure_consumer()
        await check_readable(consumer, {tp.topic for tp in partitions})
        first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        return {tp: (first[tp], end[tp]) for tp in partitions}

    async def committed_offsets(self, partitions: set[TP]) -> dict[TP, int]:
        """The group's offsets, as far as there are any."""
        consumer = self._ensure_consumer()
        found = {tp: await consumer.committed(tp) for tp in partitions}
        return {tp: offset for tp, offset in found.items() if offset is not None}

    async def seek_blocks(self, positions: dict[TP, int], epoch: int) -> bool:
        """Start handing out blocks from these positions; False if the assignment has already changed again."""
        consumer = self._ensure_consumer()
        if epoch != self.epoch or consumer._subscription.reassignment_in_progress:
            return False
        for tp, offset in positions.items():  # no await in between: all or none
            consumer.seek(tp, offset)
        consumer.pause(*(consumer.assignment() - set(positions)))  # surplus partitions: nothing of them is fetched
        self.handed, self.seen, self.stable, self.ends = dict(positions), dict(positions), {}, {}
        wait_ms = min(round(_FETCH_WAIT_EACH_MS * len(positions)), _FETCH_WAIT_MS)
        consumer._fetcher._fetch_max_wait_ms = max(self.app.settings.fetch_wait_ms, wait_ms)
        return True

    async def commit_offsets(self, offsets: dict[TP, int]) -> None:
        """Tell the group how far we are; lag monitors and restarts read it."""
        if offsets:
            await self._ensure_consumer().commit(
                {TopicPartition(*tp): OffsetAndMetadata(at, "") for tp, at in offsets.items()}
            )

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,  # noqa: ARG002 - Faust's; a block has at most `block_records`
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
                    await asyncio.sleep(ROOM_WAIT_S)
                    return {}
                found = await self._drain(fetcher, subscription.subscription.assignment, mine)
                if found or last_look:
                    return found
                waiter = fetcher._create_fetch_waiter()
                wait_s = timeout if len(mine) == len(owned) else ROOM_WAIT_S
                await asyncio.wait([waiter], timeout=wait_s)
                if not waiter.done():
                    waiter.cancel()
                    return {}
        return {}

    async def _drain(self, fetcher: Any, assignment: Any, mine: list[TP]) -> dict[TP, list[Block]]:
        # at SIGTERM the main loop ends the epoch under our hands: what is read after the epoch is of it, or empty
        epoch, state = self.epoch, assignment.state_value
        handed, seen, stable, out, ends = self.handed, self.seen, self.stable, self.out, self.ends
        mine = [tp for tp in mine if tp in handed and tp in seen and tp in out]
        if not mine:
            return {}
        if self._failed:
            failed, self._failed = self._failed, None
            raise failed
        for tp in mine:
            at = state(tp)._position
            if at not in (None, seen[tp]):
                raise LostInput(
                    f"{tp.topic}[{tp.partition}]: the position moved from {seen[tp]} to {at} by itself, most likely because "
                    "retention deleted what was not read yet; restart the worker to go on from what is left"
                )
        in_whole_batches(fetcher._records)
        found: dict[TP, list[Block]] = {}
        most = self.app.settings.block_records
        for tp in mine:
            try:
                records = await _some(fetcher, tp, handed[tp], most)
            except KafkaError as error:
                if not found:
                    raise
                self._failed = error  # what was found is handed out first
                break
            if state(tp)._position is not None:
                seen[tp] = state(tp)._position
            if state(tp).lso is not None:
                stable[tp] = state(tp).lso
                ends[tp] = state(tp).lso, state(tp).highwater
            if len(records):
                found[tp] = list(blocks(tp.topic, tp.partition, handed[tp], seen[tp], epoch, records, most))
                handed[tp] = seen[tp]
                out[tp].extend((block.after, len(block.records)) for block in found[tp])
        return found


async def _some(fetcher: Any, tp: TP, first: int, most: int) -> Fetched:
    """What was fetched of one partition, from offset `first` on: about `most` records, whole batches. Nothing is awaited."""
    found: list[Fetched] = []
    batches, decoded, new, wanted = 0, 0, 0, 1
    while tp in fetcher._records and wanted > 0:
        try:
            # timeout 0: no await between the position before and the position after
            drained = (await fetcher.fetched_records([tp], timeout=0, max_records=wanted)).get(tp, ())
        except KafkaError:
            if found:  # the client fetches again from behind these, and fails again
                break
            raise
        if not drained:
            break
        records = readable(drained, first)
        batches, decoded = batches + len(drained), decoded + len(records)
        found.append(records if found else records.since(first))
        new += len(found[-1])
        # batches may be of very different sizes, and the first one may lie mostly below `first`: never many more at once
        wanted = min(math.ceil((most - new) * batches / max(decoded, 1)), 2 * batches)
    return Fetched.joined(found)
