"""The read-process-write loop of one partition number: fold blocks as they come, send what changed once an interval.

Folding and sending run beside each other: a cut is one moment between two blocks, then the folding goes on while the
interval is sent. One interval is on its way at a time. Time, broker and Redis are passed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from streams.broker.block import Block
from streams.broker.intake import FULL, Intake
from streams.broker.sending import Closes, Sender
from streams.broker.view import View
from streams.events import MAX_AHEAD_MS
from streams.model import assess, days
from streams.model.table import MOVED, SHOWN, Table

LONGEST_INTERVAL_S = 2.0
GLANCE_S = 0.05  # engagements go to Redis at once, unless their interval ends sooner than this
LAST_VIEW_S = 1.0  # how long a partition that leaves waits for Redis
SHOW_AGAIN_S = 0.05  # how soon it is looked whether Redis has the last slice
ANEW = -1  # everyone is to be shown again, from the beginning
SHOWN_AT_ONCE = 20_000  # users shown again in one interval
SHARE = 0.8  # intervals grow until sending, of all partitions together, takes less than this part of a core
MOST_PENDING = 100_000  # folded and not yet sent; beyond this folding waits


class Loop:
    """Owns one partition from take-over to letting go."""

    def __init__(
        self,
        intake: Intake,
        sender: Sender,
        view: View,
        *,
        epoch: int,
        interval_s: float,
        share: float,
        idle_s: float,
        stream_clock: bool,
        wall_ms: Callable[[], float],
        monotonic_s: Callable[[], float],
        folded: Callable[[Block], None],
    ) -> None:
        self.intake, self._sender, self._view, self.epoch = intake, sender, view, epoch
        self._interval_s, self._share, self._idle_s, self._stream_clock = interval_s, share, idle_s, stream_clock
        self._wall_ms, self._monotonic_s, self._folded = wall_ms, monotonic_s, folded
        self._wake, self._closing = asyncio.Event(), False
        self._sending: asyncio.Task[None] | None = None
        self._began_s: float | None = None  # when the open interval began: with its first block
        self._looked_s = monotonic_s()  # when idle users were last looked at
        self._longer_s = interval_s  # the interval as it has adapted
        self._closes: list[Closes] = []  # daily closes taken and not yet sent
        self._viewing: asyncio.Task[None] | None = None
        self._show_from: int | None = None  # who is to be shown again begins here
        view.show_everyone = self.show_everyone
        if stream_clock:
            self.table.before_advance = self._close_days

    @property
    def table(self) -> Table:
        """The partition's rows."""
        return self.intake.table

    def offer(self, block: Block) -> None:
        """A block has arrived. What was fetched in another epoch belongs to whoever owns the partition then."""
        if block.epoch == self.epoch and not self._closing:
            self.intake.offer(block)
            if self._began_s is None:
                self._began_s = self._monotonic_s()
            self._wake.set()

    async def commit(self) -> None:
        """An interval of its own, with nothing in it: positions and generation are known from here on."""
        self._viewing = asyncio.create_task(self._view.run())
        await self._send()

    def abandon(self) -> None:
        """A take-over was cancelled: nothing was folded."""
        if self._viewing:
            self._viewing.cancel()

    def resume(self, now_ms: int, *, everyone: bool) -> None:
        """After a take-over: Redis shows scores of `now_ms`, or has missed something and gets everyone again."""
        if everyone:
            self.show_everyone()
        elif len(self.table):
            scores = assess.population(self.table, now_ms)
            self.table.cells[: len(self.table), SHOWN] = scores
            self._sender.shown_before(scores)

    def show_everyone(self) -> None:
        """Write the whole partition to Redis again, a slice an interval, once the interval on its way has been sent."""
        self._show_from = ANEW
        self._wake.set()

    def close(self) -> None:
        """Fold nothing more, send what there is, end."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Until closed. Raises what ends the worker: LostInput, a broker error, a bug."""
        viewing = self._viewing or asyncio.create_task(self._view.run())
        try:
            while not self._closing:
                folded = self._fold()
                self._send_if_due()
                if folded:
                    await asyncio.sleep(0)  # other partitions, fetches and answers get their turn
                else:
                    await self._pause()
            if self._sending:
                await self._sending
            await self._send(last=True)
            await self._view.drained(LAST_VIEW_S)
            await self._sender.stop()
        finally:
            viewing.cancel()
            if self._sending and not self._sending.done():
                self._sending.cancel()

    def _fold(self) -> bool:
        """Fold a good handful of blocks, or what there is when the interval is over; False if that is nothing yet."""
        if self.intake.pending > MOST_PENDING:
            return False
        at_hand = self.intake.at_hand()
        glance = at_hand < FULL and self.intake.has_engagements() and self._view.caught_up and not self._due(GLANCE_S)
        if not at_hand or not (at_hand >= FULL or glance or (self._due() and not self._sending)):
            return False
        newest_ms = int(self._wall_ms()) + MAX_AHEAD_MS
        blocks = self.intake.gather(newest_ms)
        self.intake.fold_all(blocks, newest_ms)
        for block in blocks:
            self._folded(block)
        if glance:
            self._sender.glance(self.table.unseen(), self.intake.take_times(), self._now_ms())
        return True

    def _due(self, within_s: float = 0.0) -> bool:
        return self._began_s is not None and self._monotonic_s() - self._began_s >= self._longer_s - within_s

    def _now_ms(self) -> int:
        return self.table.clock if self._stream_clock else int(self._wall_ms())

    def _close_days(self, now_ms: int) -> None:
        """Take the closes of the midnights before `now_ms`. With the stream clock, before anything after them is folded."""
        self._closes.extend(days.due(self.table, now_ms))

    def _send_if_due(self) -> None:
        if self._sending:
            if not self._sending.done():
                return
            self._sending.result()
            self._sending = None
        now_s = self._monotonic_s()
        idle = now_s - self._looked_s >= self._idle_s
        if idle:
            self._looked_s = now_s
            self.table.dirty[assess.moved(self.table, self._now_ms())] |= MOVED
        if self._show_from == ANEW:
            self._sender.show_anew()
            self.table.cells[:, SHOWN] = 0.0  # nobody counts in the histogram any more
            self._show_from = 0
        if self._show_from is not None and self._view.caught_up:
            start, self._show_from = self._show_from, self._show_from + SHOWN_AT_ONCE
            self.table.dirty[start : min(self._show_from, len(self.table))] |= MOVED
            if self._show_from >= len(self.table):
                self._show_from = None
            idle = True
        if idle or (self.intake.pending and self._due()):
            self._sending = asyncio.create_task(self._send())

    async def _pause(self) -> None:
        """Sleep until a block comes, the interval is over, or idle users want to be looked at."""
        self._wake.clear()
        now_s = self._monotonic_s()
        until_s = self._looked_s + self._idle_s
        if self._show_from is not None:
            until_s = min(until_s, now_s + SHOW_AGAIN_S)
        if self._began_s is not None and not self._sending:
            until_s = min(until_s, self._began_s + self._longer_s)
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(self._wake.wait())]
        if self._sending:
            waiting.append(self._sending)
        await asyncio.wait(waiting, timeout=max(until_s - now_s, 0.0), return_when=asyncio.FIRST_COMPLETED)
        waiting[0].cancel()

    async def _send(self, *, last: bool = False) -> None:
        now_ms = self._now_ms()
        if not self._stream_clock:
            self._close_days(now_ms)
        closes, self._closes = self._closes, []
        self._began_s = self._monotonic_s() if self.intake.at_hand() else None
        await self._sender.send(self.intake.cut(now_ms), closes, last=last, shown=self._show_from is None)
        self._longer_s = min(max(self._interval_s, self._sender.busy_s / self._share), LONGEST_INTERVAL_S)
