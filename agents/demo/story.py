"""What the demo feeds: invented events stamped now, or a file with its own times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from agents.feeds.arriving import Arriving, own_stdin
from agents.feeds.feeder import Feeder
from agents.feeds.pace import TURN
from streams.sources import Produced, Shape, Synthetic, open_source

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


@contextmanager
def events(source: str | None, form: str, users: int, seed: int, rate: float) -> Iterator[Iterator[Produced]]:
    """The records to send; a file is closed at the end. Raises UsageError for a file that cannot be read."""
    if source is None:
        yield Synthetic(seed, users, rate, shape=SHAPE, clock=_now_ms, run=f"{time.time_ns():x}")
        return
    with open_source(source, form, stdin=own_stdin() if source == "-" else None) as opened:
        yield opened


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
