"""So many records a second, smoothly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

TURN = 500  # records between two looks at the network: a millisecond
TICK_S = 0.004  # a paced feed sends small bursts this often
LONGEST_CATCH_UP_S = 0.25  # a feed that was held up makes good this much at once, not more


class Pace:
    """So many records a second, smoothly: small bursts every few milliseconds. Without a rate as fast as it goes."""

    def __init__(self, rate: float | None, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._monotonic_s = rate, monotonic_s
        self._began_s: float | None = None
        self._given = 0

    async def turn(self) -> int:
        """Wait until something may go; returns how many records, at least 1."""
        if self._rate is None:
            return TURN
        now_s = self._monotonic_s()
        if self._began_s is None:
            self._began_s = now_s
        next_s = self._began_s + (self._given + 1) / self._rate
        if next_s > now_s:
            await asyncio.sleep(max(TICK_S, next_s - now_s))
            now_s = self._monotonic_s()
        due = int((now_s - self._began_s) * self._rate) - self._given
        most = max(1, int(LONGEST_CATCH_UP_S * self._rate))
        if due > most:  # held up: what was missed longer ago is not made good
            self._began_s += (due - most) / self._rate
            due = most
        due = min(max(due, 1), 4 * TURN)  # the rest follows at the next turn, after a look at the network
        self._given += due
        return due
