"""The idle pass: now and then everyone is looked at, in slices; whose score has moved in silence is marked for sending."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streams.fold.rows import MOVED
from streams.model import assess
from streams.model.table import Table
from streams.model.users import Slots

FIRST_LOOK_S = 1.0
ENOUGH = 20_000  # users found make an interval


class IdlePass:
    """The passes over one table, one each `every_s`."""

    def __init__(
        self,
        table: Table,
        every_s: float,
        monotonic_s: Callable[[], float],
        also: Callable[[int, int, int], None],
        due: Callable[[int, int, int], Slots] = lambda *_: np.empty(0, np.intp),
    ) -> None:
        """Both are called for each slice: its first slot, its size, the time that scores are for. `due` says who else has moved."""
        self._also, self._due = also, due
        self._table, self._every_s, self._monotonic_s = table, every_s, monotonic_s
        # the first one soon after a take-over: redis may show what the predecessor did not commit
        self._began_s = monotonic_s() - every_s + min(every_s, FIRST_LOOK_S)
        self._from: int | None = None  # the slot at which the pass under way goes on
        self._moved = 0  # users found since the last interval

    @property
    def next_s(self) -> float:
        """When there is something to look at: now while a pass is under way."""
        return self._monotonic_s() if self._from is not None else self._began_s + self._every_s

    def look(self, now_ms: Callable[[], int]) -> bool:
        """A slice, if a pass is under way or due. True when the pass is through, or has found enough for an interval."""
        now_s = self._monotonic_s()
        if self._from is None and now_s >= self.next_s:
            self._began_s, self._from = now_s, 0
        if self._from is None:
            return False
        at_ms = now_ms()
        moved = assess.moved(self._table, at_ms, self._from, assess.SLICE)
        self._also(self._from, assess.SLICE, at_ms)
        due = self._due(self._from, assess.SLICE, at_ms)
        self._table.dirty[moved] |= MOVED
        self._table.dirty[due] |= MOVED
        self._moved += len(moved) + len(due)
        start = self._from + assess.SLICE
        self._from = start if start < len(self._table) else None
        if self._from is not None and self._moved < ENOUGH:
            return False
        self._moved = 0
        return True
