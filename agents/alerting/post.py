"""The deliveries of one partition of `deliveries`: what it says is taken up, sent when it is due, and written down again.

Whoever owns the partition owns all of its channels: limits, order and breakers hold over all processes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from random import Random

import msgspec

from agents.alerting.attempts import Sender, tried
from agents.alerting.bodies import about
from agents.alerting.digest import digest
from agents.alerting.figures import Counts, standing
from agents.alerting.lane import Batch, Lane, alert_of
from agents.alerting.lanes import Lanes
from agents.alerting.routing import stopped
from agents.shapes.deliveries import ChannelStanding, Told
from streams.formats.deliveries import DEAD, Delivery, encode, key_of
from streams.model.channels import Kind
from streams.policies.book import Book

log = logging.getLogger("clout.alerting")

Record = tuple[bytes, bytes | None]
Write = Callable[[list[Record]], Awaitable[None]]  #: to this partition; returns once it is acknowledged
_REST_S = 3.0  # how long what is on its way may take when the partition is let go
_TOO_OLD = "too old: the channel has failed all the time, and it was tried too seldom"
MOST_DEAD = 10_000  #: dead letters of a channel that are kept, the latest


class Post:
    """One partition, from its assignment to its end."""

    def __init__(
        self,
        number: int,
        partitions: int,
        book: Callable[[], Book],
        senders: Mapping[Kind, Sender],
        write: Write,
        now_ms: Callable[[], float],
        counts: Counts,
        dice: Random,
    ) -> None:
        self.number, self.ready, self.end = number, False, 0
        self._book, self._senders, self._write, self._now_ms = book, senders, write, now_ms
        self._counts = counts
        self._lanes = Lanes(number, partitions, dice)
        self._attempts: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None

    def read(self, key: bytes, value: bytes | None) -> None:
        """One record, in the order of the topic. Raises ValueError for what is none."""
        self._lanes.read(key, value)
        self._wake.set()

    def start(self) -> None:
        """All there was is read: send from here on."""
        self.ready = True
        self._running = asyncio.create_task(self._run(), name=f"deliveries-{self.number}")

    def wake(self) -> None:
        """Look again: a policy has changed."""
        self._wake.set()

    async def close(self) -> None:
        """Send nothing more; what is on its way gets a moment."""
        if self._running:
            self._running.cancel()
            await asyncio.wait({self._running})
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=_REST_S)
        for attempt in self._attempts:
            attempt.cancel()

    @property
    def failure(self) -> BaseException | None:
        """What has ended it, if something has: a bug, or Kafka."""
        if self._broken is None and self._running and self._running.done() and not self._running.cancelled():
            self._broken = self._running.exception()
        return self._broken

    def standings(self) -> list[ChannelStanding]:
        """How its channels stand."""
        now_ms = self._now_ms()
        return [standing(lane, self._lanes.why_off(lane.channel), self._counts, now_ms) for lane in self._lanes]

    async def _run(self) -> None:
        await self._write([(key, None) for key in self._lanes.merged])
        while True:
            self._wake.clear()
            self._lanes.follow(self._book())
            moments = [at for lane in self._lanes if (at := await self._look(lane)) is not None]
            wait_s = max(min(moments) - self._now_ms(), 0.0) / 1000 if moments else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self, lane: Lane) -> float | None:
        """Send what is due. Returns when to look again."""
        now_ms, off = self._now_ms(), self._lanes.why_off(lane.channel)
        due = lane.look(now_ms)
        for one in due.dead:
            await self._dead(lane, one, _TOO_OLD)
        for one in due.send:
            if off:
                await self._dead(lane, one, off)
            elif why := self._stopped(one, now_ms):
                await self._end(lane, one, why, "")
            else:
                self._begin(lane, one)
        for batch in due.batches:
            await self._merge(lane, batch, now_ms)
        if due.batches:
            self._wake.set()
        return lane.next_ms(now_ms)

    async def _merge(self, lane: Lane, batch: Batch, now_ms: float) -> None:
        """Several as one: that is written before anything of it is sent."""
        members = []
        for one in batch.members:
            if why := self._stopped(one, now_ms):
                await self._end(lane, one, why, "")
            else:
                members.append(one)
        if not members:
            return
        if len(members) == 1:
            lane.on_the_way[members[0].id] = lane.waiting.pop(members[0].id)
            self._begin(lane, members[0])
            return
        merged = digest(batch._replace(members=members), round(now_ms))
        await self._write([encode(merged), *((one.key, None) for one in members)])
        for one in members:
            lane.drop(one.id)
            self._tell(one, "merged", f"told as one of {len(members):,}")
        lane.put(merged)

    def _stopped(self, one: Delivery, now_ms: float) -> str | None:
        return stopped(self._book(), alert_of(one), now_ms)

    def _begin(self, lane: Lane, one: Delivery) -> None:
        attempt = asyncio.create_task(self._attempt(lane, one))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempted)

    def _attempted(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        self._wake.set()
        if not attempt.cancelled() and (error := attempt.exception()):
            self._broken = error

    async def _attempt(self, lane: Lane, one: Delivery) -> None:
        outcome = await tried(self._senders[lane.channel.kind], lane.channel, one)
        lane = self._lanes.get(one.channel) or lane  # it may have been replaced meanwhile
        if one.id not in lane.on_the_way and one.id not in lane.waiting:
            return  # dropped by somebody meanwhile
        now_ms = self._now_ms()
        if outcome.delivered:
            lane.breaker.succeeded()
            await self._end(lane, one, "delivered", outcome.said)
            self._counts.took(one.channel, (now_ms - int(alert_of(one).get("at", now_ms))) / 1000)
            return
        if outcome.gone:
            await self._write([encode(self._lanes.switch_off(lane.channel, round(now_ms), outcome.said))])
            log.warning("channel %s is switched off: %s", one.channel, outcome.said)
            await self._dead(lane, one, outcome.said)
            return
        was_open = lane.breaker.open
        after = lane.failed(one, outcome.said, now_ms, outcome.wait_ms)
        if lane.breaker.open and not was_open:
            log.warning("channel %s fails, and is left alone for a while: %s", one.channel, outcome.said)
        if after.state == DEAD:
            await self._dead(lane, after, outcome.said)
            return
        await self._write([encode(after)])
        lane.put(after)
        self._tell(after, "failed", outcome.said)
        wait_s = (after.due - now_ms) / 1000
        log.info("channel %s: %s failed, again in %.0f s: %s", one.channel, one.id, wait_s, outcome.said)

    async def _end(self, lane: Lane, one: Delivery, state: str, said: str) -> None:
        await self._write([(one.key, None)])
        lane.drop(one.id)
        self._tell(one, state, said)

    async def _dead(self, lane: Lane, one: Delivery, why: str) -> None:
        after = msgspec.structs.replace(one, state=DEAD, outcome=why)
        oldest = [old.id for old in islice(lane.dead.values(), max(len(lane.dead) + 1 - MOST_DEAD, 0))]
        await self._write([encode(after), *((key_of(one.channel, id_), None) for id_ in oldest)])
        lane.put(after)
        for id_ in oldest:
            lane.drop(id_)
        self._tell(after, "dead", why)
        log.warning("channel %s: %s is dead after %d attempts: %s", one.channel, one.id, after.attempts, why)

    def _tell(self, one: Delivery, state: str, said: str) -> None:
        alert = alert_of(one)
        self._counts.count(
            Told(
                channel=one.channel,
                id=one.id,
                about=about(alert),
                at=round(self._now_ms()),
                state=state,
                said=said,
                attempts=one.attempts + (state == "delivered"),
            )
        )
