"""What is written to Redis once, and no view: alerts and daily closes.

Their queues survive that everyone is shown again. One that is full drops its oldest: alerts are filled in again from their topic,
closes become gaps in the history.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.model.days import Closes
from streams.model.windows import Floats

log = logging.getLogger("clout.view")

CLOSES_CHUNK = 1_000
ALERTS_CHUNK = 100
MOST_ALERTS = 10_000  # as many as the stream keeps
MOST_DAYS = 8  # whose closes wait


class _Day(NamedTuple):
    """Daily closes on their way."""

    day: str
    scores: Floats  #: (n,) of the first n users
    version: int  #: of the interval that took them


class Once:
    """The queues of one partition. What a call carries leaves them when it has arrived."""

    def __init__(self, number: int, closed: int = 0) -> None:
        """`closed` is the version of the last interval whose closes Redis has."""
        self._number, self.closed = number, closed
        self._alerts: deque[bytes] = deque()
        self._days: deque[_Day] = deque()
        self._at = 0  # how far the first day is
        self._alerts_out = self._closes_out = 0  # how many the last call carries

    def __bool__(self) -> bool:
        return bool(self._alerts or self._days)

    @property
    def has_closes(self) -> bool:
        """Does a day wait?"""
        return bool(self._days)

    def alert(self, alerts: Iterable[bytes]) -> None:
        """Finished alerts (JSON)."""
        self._alerts.extend(alerts)
        if len(self._alerts) > MOST_ALERTS:
            log.warning("redis misses alerts, more than %d wait: partition=%d", MOST_ALERTS, self._number)
        while len(self._alerts) > MOST_ALERTS:
            self._alerts.popleft()
            self._alerts_out = max(self._alerts_out - 1, 0)

    def close(self, closes: Iterable[Closes], version: int) -> None:
        """Daily closes taken in the interval that is published under `version`."""
        self._days.extend(_Day(day, scores, version) for day, scores in closes if len(scores))
        while len(self._days) > MOST_DAYS:
            log.warning("redis misses the daily closes of %s: partition=%d", self._days[0].day, self._number)
            self._days.popleft()
            self._at = self._closes_out = 0

    def nothing_out(self) -> None:
        """The last call was not taken, or has arrived: the next one begins."""
        self._alerts_out = self._closes_out = 0

    def some_alerts(self) -> list[bytes]:
        """Those that go with the next call."""
        some = list(itertools.islice(self._alerts, ALERTS_CHUNK))
        self._alerts_out = len(some)
        return some

    def some_closes(self, names: Sequence[str]) -> tuple[str, list[tuple[str, float]]]:
        """The next 1,000 of the first day that waits; `names` are all users'."""
        first = self._days[0]
        self._closes_out = CLOSES_CHUNK
        part = slice(self._at, self._at + CLOSES_CHUNK)
        if part.stop >= len(first.scores):
            self.closed = first.version
        return first.day, list(zip(names[part], first.scores[part].tolist(), strict=False))

    def arrived(self) -> None:
        """Redis has taken the last call."""
        for _ in range(self._alerts_out):
            self._alerts.popleft()
        if self._closes_out:
            self._at += self._closes_out
            if self._at >= len(self._days[0].scores):
                self._days.popleft()
                self._at = 0
        self.nothing_out()
