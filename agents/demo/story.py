"""What the demo feeds: invented events stamped now, with two falls in them, a file with its own times, or a live source."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice

import msgspec
import orjson

from agents.demo.named import invented
from agents.demo.person import with_person
from agents.demo.silent import with_silent_star
from agents.feeds.arriving import Arriving, own_stdin
from agents.feeds.feeder import Feeder
from agents.feeds.live_records import LiveRecords
from agents.feeds.pace import TURN
from streams.display_names import Named
from streams.events import Event, decode_event
from streams.sources import Produced, Shape, Synthetic, open_source

CLOSE_AFTER_S = 20  # so long after its start the demo closes a day: falls are judged against the scores of then
PERSON_BEFORE_S = 8  # so long before the close three accounts become one person
PURGE_AFTER_S = 5  # the close is everywhere by then
LATELY = 20_000  # events among which a purge looks; most of them are still remembered by those who made them
DEFAULT_RATE = 500.0
DEFAULT_FILE_RATE = 2_000.0
BURST_S = 0.5  # an invented event is stamped as it is sent: bursts do not make it older

#: livelier than the real mix: a spark now and then, more shares and replies, few of the undos that reach far back
SHAPE = Shape(
    kinds=(("like", 0.58), ("retweet", 0.1), ("share", 0.08), ("reply", 0.1), ("follow", 0.1), ("mention", 0.04)),
    burst_every_s=20.0,
    burst_s=6.0,
    burst=0.3,
    undo=0.004,
    late=0.002,
    late_mean_ms=5_000.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for. `closes_ms` is when the day closes (ms since epoch), for invented events."""

    source: str | None
    format: str
    live: LiveRecords | None  #: what comes from the source, if that is a live one
    rate: float
    users: int
    seed: int
    for_s: float | None
    port: int
    json: bool
    closes_ms: int
    began_s: float  #: when the command began, seconds since epoch
    again_s: float | None  #: after so long the story begins again; None: it goes on

    def begun(self, port: int) -> Plan:
        """The same for a story that begins now, with its page on this port."""
        return replace(self, port=port, closes_ms=(int(time.time()) + CLOSE_AFTER_S) * 1000)

    @property
    def trickles(self) -> bool:
        """Do records come when they like?"""
        return self.source == "-" or self.live is not None

    @property
    def of_now(self) -> bool:
        """Do the events happen now?"""
        return self.source is None or self.live is not None

    def names(self) -> Callable[[], Sequence[Named]]:
        """What gives what users are called, as far as it was not given before."""
        if self.live is not None:
            return self.live.names
        left = [] if self.source else invented(self.users, SHAPE.network)

        def once() -> Sequence[Named]:
            given, left[:] = left[:], []
            return given

        return once

    @property
    def note(self) -> str:
        """What the page says about it."""
        if self.live is not None:
            return f"{self.source}, live"
        if not self.again_s:
            return ""
        return f"invented people; the story begins again every {self.again_s / 60:.0f} minutes"

    @property
    def person_ms(self) -> int:
        """When three accounts become one person, ms since epoch."""
        return self.closes_ms - PERSON_BEFORE_S * 1000

    @property
    def purge_ms(self) -> int:
        """When somebody falls, ms since epoch."""
        return self.closes_ms + PURGE_AFTER_S * 1000


@contextmanager
def events(plan: Plan, tell: Callable[[str], None]) -> Iterator[Iterator[Produced]]:
    """The records to send; a file is closed at the end. `tell` hears what happens. Raises UsageError for a bad file."""
    source, form = plan.source, plan.format
    if plan.live is not None:
        yield plan.live
        return
    if source is None:
        lively = Synthetic(plan.seed, plan.users, plan.rate, shape=SHAPE, clock=_now_ms)
        story = purged(with_person(lively, plan.person_ms, _now_ms, tell), plan.purge_ms, _now_ms, tell)
        yield with_silent_star(story, SHAPE.network, plan.closes_ms, _now_ms, tell)
        return
    with open_source(source, form, opened=own_stdin() if source == "-" else None) as opened:
        yield opened


def purged(
    records: Iterable[Produced], at_ms: int, now_ms: Callable[[], int], tell: Callable[[str], None]
) -> Iterator[Produced]:
    """The records, and at `at_ms` a purge: the admirers of a star turn out to be machines, and what they gave is taken back.

    Of the people most engaged with lately it is the third; as long as there is nobody, nothing is taken back.
    """
    lately: deque[tuple[Produced, Event]] = deque(maxlen=LATELY)
    pending = True
    for record in records:
        yield record
        if not pending:
            continue
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            event = decode_event(record.value)
            if not event.undo and event.target not in {"", event.actor}:
                lately.append((record, event))
        stars = Counter(event.target for _, event in lately).most_common(3) if now_ms() >= at_ms else ()
        if stars:
            pending, star = False, stars[-1][0]
            back = {event.id: (record, event) for record, event in lately if event.target == star}
            lately.clear()
            tell(
                f"a purge: {len(back)} engagements with {SHAPE.network}:{star} were made by machines and are taken back"
            )
            for given, event in back.values():
                undo = {"id": f"purge-{event.id}", "network": event.network, "actor": event.actor, "target": star}
                value = orjson.dumps({**undo, "ts": now_ms(), "ref": event.id, "undo": True})
                yield given._replace(value=value)


async def send(feeder: Feeder, records: Iterator[Produced], rate: float, *, trickles: bool) -> None:
    """Send records in bursts, `rate` a second, until they end. With `trickles` a pipe that has nothing now is waited for.

    Bursts, because each costs the embedded broker a batch in every topic and partition, however large it is: see
    `agents.demo.stack`. What was missed while something held us up is not made good.
    """
    arriving = Arriving(records) if trickles else None
    burst_s = max(BURST_S, 1 / rate)
    given, began_s = 0, time.monotonic()
    while True:
        await asyncio.sleep(burst_s)
        due = int((time.monotonic() - began_s) * rate) - given
        if due > 4 * burst_s * rate:
            given, began_s, due = 0, time.monotonic(), int(burst_s * rate)
        given += due
        sent = 0
        for record in islice(arriving.now() if arriving else records, due):
            feeder.put(record)
            sent += 1
            if not sent % TURN:
                await feeder.room()
        if sent < due:
            if arriving is None or arriving.ended:
                return
            given -= due - sent
        await feeder.room()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
