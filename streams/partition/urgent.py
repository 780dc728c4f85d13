"""What ends an interval early: an alert about somebody whose engagements were taken back, or by a rule that is urgent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streams.fold.rows import CHANGED
from streams.model.table import Table
from streams.model.users import Slots
from streams.partition.sending import Sender

EVERY_S = 0.1  # from one look at urgent rules to the next
MOST = 5_000  # users changed: with more, the interval ends soon enough


class Urgent:
    """Looks at one partition."""

    def __init__(self, sender: Sender, table: Table, monotonic_s: Callable[[], float]) -> None:
        self._sender, self._table, self._monotonic_s = sender, table, monotonic_s
        self._looked_s = 0.0

    def look(self, reversed_: Slots, now_ms: Callable[[], int]) -> bool:
        """Is there an alert that does not wait? `reversed_` (n,) has lost engagements since the last look."""
        if len(reversed_) and self._sender.alerts_at(reversed_, now_ms()):
            return True
        now_s = self._monotonic_s()
        if not self._sender.urgent or now_s - self._looked_s < EVERY_S:
            return False
        self._looked_s = now_s
        some = np.flatnonzero(self._table.dirty[: len(self._table)] & CHANGED)
        return 0 < len(some) <= MOST and self._sender.alerts_at(some, now_ms(), urgent=True)
