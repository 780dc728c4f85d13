"""The read-process-write loop of one partition number: fold blocks as they come, send what changed once an interval.

Folding and sending run beside each other: a cut is one moment between two blocks, and once its users are scored and judged the
folding goes on while the interval is sent. One interval is on its way at a time. Time, broker and Redis are passed in.
"""

from __future__ import annotations

import asyncio
from typing import Any

from streams.clocks import Clocks
from streams.events import MAX_AHEAD_MS
from streams.model.table import Table
from streams.partition.block import Block
from streams.partition.figures import Figures, figures
from streams.partition.idle_pass import IdlePass
from streams.partition.intake import Intake
from streams.partition.interval import Interval
from streams.partition.liveness import FOLDING, IDLE, SENDING, Standing
from streams.partition.recovered import Recovered
from streams.partition.sending import Sender
from streams.partition.terms import Left, Pace, Start, Supply
from streams.partition.turns import FULL
from streams.partition.urgent import Urgent
from streams.scoreboard.view import View

GLANCE_S = 0.02  # engagements go to Redis at once, unless their interval ends sooner than this
GLANCED = 1_000  # users at most: for more, scoring twice is too dear, and keeps everybody else waiting
HOLD_S = 2.0  # how long Redis is not written after a take-over, so that no score is seen to fall back and rise again
HELD_AGAIN_S = 0.02  # how soon it is looked whether what is held back may go on
MOST_PENDING = 200_000  # folded and not yet cut: then an interval ends; folding waits while the one before is sent
LAST_VIEW_S = 1.0  # how long letting go waits for Redis: what it then lacks is shown by who takes over


class Loop:
    """Owns one partition from take-over to letting go."""

    def __init__(
        self,
        intake: Intake,
        sender: Sender,
        view: View,
        start: Start,
        pace: Pace,
        clocks: Clocks,
        supply: Supply,
    ) -> None:
        self.intake, self._sender, self._view, self.epoch = intake, sender, view, start.epoch
        self._ends, self._clocks, self._supply = start.ends, clocks, supply
        self._now_ms, self._stream_clock = pace.now_ms(intake.table, clocks), pace.stream_clock
        self._interval = Interval(pace.interval_s, pace.share, clocks.monotonic_s)
        self._idle_pass = IdlePass(intake.table, pace.idle_s, clocks.monotonic_s, view.shown.fall_out, sender.due)
        self._wake, self._closing = asyncio.Event(), False
        self._sending: asyncio.Task[None] | None = None
        self._viewing: asyncio.Task[None] | None = None
        self._held_back = False  # the blocks at hand wait for another topic
        self._urgent = Urgent(sender, intake.table, clocks.monotonic_s)
        self._hold_until_s = 0.0

    @property
    def table(self) -> Table:
        """The partition's rows."""
        return self.intake.table

    def offer(self, block: Block) -> None:
        """A block has arrived. What was fetched in another epoch belongs to whoever owns the partition then."""
        if block.epoch == self.epoch and not self._closing:
            self.intake.turns.offer(block)
            self._interval.begin()
            self._wake.set()

    async def commit(self) -> None:
        """An interval of its own, with nothing in it: positions and generation are known from here on."""
        self._view.hold()
        self._viewing = asyncio.create_task(self._view.run())
        await self._send()

    def abandon(self) -> None:
        """A take-over was cancelled: nothing was folded."""
        if self._viewing:
            self._viewing.cancel()

    def figures(self) -> Figures:
        """How this partition stands, for /metrics."""
        return figures(self.intake, self._sender, self._view)

    def close(self) -> None:
        """Fold nothing more, send what there is, end."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Until closed. Raises what ends the worker: LostInput, a broker error, a bug."""
        viewing = self._viewing = self._viewing or asyncio.create_task(self._view.run())
        self._hold_until_s = self._clocks.monotonic_s() + HOLD_S
        self._view.hold()
        try:
            while not self._closing:
                if self._view.held and self._past_the_ends():
                    self._view.release()
                self._sent()
                folded = self._fold()  # before the next is sent: however often idle users are, blocks get their turn
                self._send_if_due()
                if folded:
                    await asyncio.sleep(0)  # other partitions, fetches and answers get their turn
                else:
                    await self._pause()
            if self._sending:
                await self._sending
            self._view.release()
            await self._send(last=True)
            await self._view.drained(LAST_VIEW_S)
            await self._sender.stop()
        finally:
            viewing.cancel()
            if self._sending and not self._sending.done():
                self._sending.cancel()

    def left(self) -> tuple[Recovered, int] | None:
        """Rows and header as they are in `state` after the last commit, and the end of `state` then."""
        if not self._sender.kept:
            return None
        header, end = self._sender.kept
        return Recovered(self.table, header, list(self._sender.home.feeds.values())), end

    def left_plain(self) -> Left:
        """The same without transactions: nobody else has the rows."""
        return Left(self.table, dict(self.intake.positions))

    def standing(self) -> Standing:
        """Is there something to do, and how much has been done?"""
        intake, more = self.intake, self.intake.turns.unfetched()
        doing = SENDING if self._sending else FOLDING if intake.turns.at_hand() else IDLE
        done = sum(intake.positions.values()) + self._sender.commits
        return Standing(
            intake.number, doing, bool(intake.pending or intake.turns.at_hand() or self._sending or more), done
        )

    @property
    def view_caught_up(self) -> bool:
        """Does Redis show everything that was folded?"""
        return self._view.caught_up

    def _past_the_ends(self) -> bool:
        """Is everything folded that was there at the take-over? Markers at an end move no position, so `more` counts too."""
        intake = self.intake
        if self._clocks.monotonic_s() >= self._hold_until_s:
            return True
        passed = all(intake.positions[topic] >= end for topic, end in self._ends.items())
        return passed or not (intake.turns.at_hand() or intake.turns.unfetched())

    def _fold(self) -> bool:
        """Fold a good handful of blocks, or what there is when the interval is over; False if that is nothing yet."""
        if self._view.stands or self.intake.pending > MOST_PENDING:
            return False
        at_hand = self.intake.turns.at_hand()
        glance = (
            at_hand < FULL
            and self.intake.turns.has_engagements()
            and self._view.caught_up
            and not self._interval.due(GLANCE_S)
        )
        if not at_hand or not (at_hand >= FULL or glance or (self._interval.due() and not self._sending)):
            return False
        wall_ms = int(self._clocks.wall_ms())
        newest_ms = wall_ms + MAX_AHEAD_MS
        blocks = self.intake.turns.gather(newest_ms)
        self._held_back = not blocks
        if not blocks:  # another topic's records are on their way
            return False
        if not self._stream_clock:  # else events alone begin a day
            self.table.days.begin(wall_ms)
        self.intake.fold_all(blocks, newest_ms)
        for block in blocks:
            self._supply.folded(block)
        self._view.shown.folded(self.intake.take_times(), self._clocks.wall_ms())
        if self._urgent.look(self.intake.take_reversed(), self._now_ms):
            self._interval.alarm()
        if glance:
            self._view.shown.show(GLANCED)
            self._view.go()
        return True

    def _sent(self) -> None:
        """The interval that was on its way may have arrived by now, or raise."""
        if self._sending and self._sending.done():
            self._sending.result()
            self._sending = None

    def _send_if_due(self) -> None:
        if self._sending:
            return
        idle, pending = self._idle_pass.look(self._now_ms), self.intake.pending
        due = idle or self._sender.feeding.due(self._now_ms(), self._clocks.wall_ms())
        if due or (pending and (self._interval.due() or pending > MOST_PENDING)):
            self._sending = asyncio.create_task(self._send())

    async def _pause(self) -> None:
        """Sleep until a block comes, the interval is over, or idle users want to be looked at."""
        self._wake.clear()
        now_s, moments = self._clocks.monotonic_s(), []
        if self._view.held or self._held_back:
            moments.append(now_s + HELD_AGAIN_S)
        if not self._sending:
            moments.append(min(self._idle_pass.next_s, now_s + self._sender.feeding.in_s(self._now_ms())))
            if (ends_s := self._interval.ends_s) is not None and not self._held_back:
                moments.append(ends_s)
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(self._wake.wait())]
        if self._sending:
            waiting.append(self._sending)
        if self._viewing:
            waiting.append(self._viewing)
        timeout_s = max(min(moments) - now_s, 0.0) if moments else None
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        waiting[0].cancel()
        if self._viewing and self._viewing.done():
            self._viewing.result()  # it never ends by itself: a bug ends the worker

    async def _send(self, *, last: bool = False) -> None:
        now_ms = self._now_ms()
        self.table.days.begin(now_ms)
        caught_up = self._sender.feeding.caught_up(self.intake, self._interval, self._supply)
        backlog = self._interval.backlog(self.intake.pending, self._supply.behind())
        if self.intake.pending:  # else what is at hand has waited since the interval began, and goes on waiting
            self._interval.begin_again(at_hand=bool(self.intake.turns.at_hand()))
        shown = self._view.shown
        version = shown.versions.next()
        self._sender.follow(now_ms, version)
        cut = self.intake.cut(now_ms, tells=self._sender.feeding.follow(now_ms, caught_up=caught_up, last=last))
        self._view.stand(now_ms)  # users are scored and judged by what is beside the rows of the cut, too: nothing is folded
        shown.cut(version, cut.retold, show=self._interval.shows(backlog=backlog) or last)
        self._view.go()
        await asyncio.sleep(0)  # the cut of 200,000 rows took 35 ms
        shown.once.alert(await self._sender.send(cut, version, self._scored, last=last))
        self._view.go()
        self._interval.adapt(self._sender.busy_s, backlog=backlog)

    def _scored(self) -> None:
        self._view.stand(None)
        self._wake.set()
