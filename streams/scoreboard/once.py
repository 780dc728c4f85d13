"""What is written to Redis once, and no view: alerts.

They wait in a queue that survives that everyone is shown again. One that is full drops its oldest: they are filled in again from
their topic.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Iterable

log = logging.getLogger("clout.view")

ALERTS_CHUNK = 100
MOST_ALERTS = 10_000  # as many as the stream keeps


class Once:
    """The queue of one partition. What a call carries leaves it when it has arrived."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._alerts: deque[bytes] = deque()
        self._out = 0  # how many the last call carries

    def __bool__(self) -> bool:
        return bool(self._alerts)

    def alert(self, alerts: Iterable[bytes]) -> None:
        """Finished alerts (JSON)."""
        self._alerts.extend(alerts)
        if len(self._alerts) > MOST_ALERTS:
            log.warning("redis misses alerts, more than %d wait: partition=%d", MOST_ALERTS, self._number)
        while len(self._alerts) > MOST_ALERTS:
            self._alerts.popleft()
            self._out = max(self._out - 1, 0)

    def nothing_out(self) -> None:
        """The last call was not taken, or has arrived: the next one begins."""
        self._out = 0

    def some_alerts(self) -> list[bytes]:
        """Those that go with the next call."""
        some = list(itertools.islice(self._alerts, ALERTS_CHUNK))
        self._out = len(some)
        return some

    def arrived(self) -> None:
        """Redis has taken the last call."""
        for _ in range(self._out):
            self._alerts.popleft()
        self.nothing_out()
