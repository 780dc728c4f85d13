"""A Faust transport whose message is all that one fetch returned for one agent, as blocks. For faust-streaming 0.15.

Faust makes four tasks for a message, whatever is in it, and live a fetch brings many blocks with few events each.
Topics are declared with `acks=False`: then Faust keeps no acknowledgements and commits nothing.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.broker.fetching import ROOM_WAIT_S, ConsumerThread
from streams.errors import LostPlace
from streams.partition.block import Block


def by_agent(found: Mapping[TP, list[Block]], agents: Mapping[str, object]) -> dict[TP, list[list[Block]]]:
    """The blocks of a fetch as one message for each agent, given each topic's agent. Blocks of a partition keep their order.

    A message bears the name of the first partition in it. All of them were fetched in one epoch, so they are let go together.
    """
    first: dict[object, TP] = {}
    messages: dict[TP, list[list[Block]]] = {}
    for tp, blocks in found.items():
        messages.setdefault(first.setdefault(agents[tp.topic], tp), [[]])[0].extend(blocks)
    return messages


class Consumer(driver.Consumer):
    """Faust's consumer, less everything that would keep or move positions behind our back."""

    app: Any
    _thread: ConsumerThread
    epoch = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._number = itertools.count(1)  # of messages, over all epochs: Faust drops one whose offset falls

    async def bounds(self, partitions: set[TP]) -> dict[TP, tuple[int, int]]:
        """See ConsumerThread."""
        return await self._thread.call_thread(self._thread.bounds, partitions)  # type: ignore[no-any-return]

    async def committed_offsets(self, partitions: set[TP]) -> dict[TP, int]:
        """See ConsumerThread."""
        return await self._thread.call_thread(self._thread.committed_offsets, partitions)  # type: ignore[no-any-return]

    async def seek_blocks(self, positions: dict[TP, int], epoch: int) -> bool:
        """See ConsumerThread."""
        return await self._thread.call_thread(self._thread.seek_blocks, positions, epoch)  # type: ignore[no-any-return]

    async def commit_offsets(self, offsets: dict[TP, int]) -> None:
        """See ConsumerThread."""
        await self._thread.call_thread(self._thread.commit_offsets, offsets)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic, tp.partition, next(self._number), 0.0, 0, [], None, record,
            None, 0, 0, ensure_TP(tp), generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def _wait_next_records(self, timeout: float) -> Any:
        if self.flow_active and not self._get_active_partitions():
            await asyncio.sleep(ROOM_WAIT_S)  # stock: one second
            return {}, self._active_partitions
        found, active = await super()._wait_next_records(timeout)
        if not found:
            return {}, active
        agents = {name: channel for channel in self.app.topics for name in channel.topics}
        return by_agent(found, agents), active

    async def perform_seek(self) -> None:
        """Nothing. Stock: to the group's offsets, at each rebalance and whenever a fetch returns while the flow is stopped."""

    def end_epoch(self) -> None:
        """No block fetched so far may be folded any more, and none is handed out until the next `seek_blocks`."""
        self.epoch += 1
        self._thread.end_epoch(self.epoch)

    def handed(self, tp: TP) -> int:
        """The end of the last block handed out; -1 when the partition is not ours."""
        return self._thread.handed.get(tp, -1)

    def seen(self, tp: TP) -> int:
        """The client's position; -1 when the partition is not ours."""
        return self._thread.seen.get(tp, -1)

    def ends(self, tp: TP) -> tuple[int, int]:
        """The committed end and the end of the log, as the last answer to a fetch said them; (0, 0) before."""
        return self._thread.ends.get(tp, (0, 0))

    def more(self, tp: TP) -> bool:
        """Has the broker committed records that were not handed out? True until it has answered for the first time."""
        thread = self._thread
        stable = thread.stable.get(tp)
        return stable is None or stable > thread.seen.get(tp, stable)

    def folded(self, block: Block) -> None:
        """A block, or a first part of one, has been folded: there may be room for another of its partition."""
        if block.epoch == self.epoch:
            self._thread.folded[TP(block.topic, block.partition)] = block.after

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        name = self.app.settings.name
        if name and self.epoch and self._thread.forgotten:  # joining again, both would replace each other for ever
            self.app.ports.die(
                LostPlace(
                    f"the group no longer knows this worker as {name}: another one was started with the same CLOUT_NAME, or this "
                    "one was silent for longer than CLOUT_SESSION_TIMEOUT_S. Give each worker a name of its own; what this one "
                    "had not committed is read again by the next"
                )
            )
        await self.app.partitions.let_go()
        await super().on_partitions_revoked(revoked)


class Transport(driver.Transport):
    """`block://host:port`."""

    Consumer = Consumer
    driver_version = "block+" + driver.Transport.driver_version
