"""Records at the pace of their own times: as fast as it happened, or so many times as fast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import islice

from agents.feeds.feeder import Feeder
from agents.feeds.pace import TICK_S, TURN
from streams.sources.record import NO_TIME, Produced

_LOOK_S = 0.25  # of a long wait, between two looks


class OwnPace:
    """When records are due. The first is now; one that is earlier than those before it, or has no time, too."""

    def __init__(self, speed: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._speed, self._monotonic_s = speed, monotonic_s
        self._began: tuple[float, int] | None = None  # seconds, the time of the first record in ms

    def wait_s(self, ts_ms: int) -> float:
        """How long until a record of this time is due."""
        if ts_ms == NO_TIME:
            return 0.0
        now_s = self._monotonic_s()
        if self._began is None:
            self._began = (now_s, ts_ms)
        began_s, first_ms = self._began
        return max(began_s + (ts_ms - first_ms) / 1000 / self._speed - now_s, 0.0)


async def feed(
    feeder: Feeder, records: Iterable[Produced], pace: OwnPace, limit: int | None, on_turn: Callable[[], None]
) -> int:
    """Send records when they are due, until they end or the limit is reached; then flush. Returns how many."""
    sent = 0
    try:
        for record in islice(records, limit):
            while (wait_s := pace.wait_s(record.ts)) > TICK_S:
                on_turn()
                await asyncio.sleep(min(wait_s, _LOOK_S))
            feeder.put(record)
            sent += 1
            if not sent % TURN:
                await feeder.room()
                on_turn()
    finally:
        await feeder.flush()
    return sent
