"""Whose daily closes Redis has: they go with a record when they are others than those that are there."""

from __future__ import annotations

import numpy as np

from streams.model.closes import booked, calendar
from streams.model.table import Table
from streams.model.users import Slots
from streams.scoreboard.closes import text


class Histories:
    """Those of one partition. What is given counts as there; when Redis has lost something, all of it is given again."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.users = 0  #: of how many users Redis has daily closes

    def changed(self, slots: Slots) -> list[tuple[str, bytes]]:
        """Of these, (n,), the users whose closes are others than Redis has, with what it gets; their records were just made."""
        days = self._table.days
        lines, arrays = days.lines(slots), days.arrays
        some = (lines > 0) & (arrays.shown[lines] != arrays.day[lines])
        own = lines[some]
        self.users += int(np.count_nonzero(arrays.shown[own] == 0))
        arrays.shown[own] = arrays.day[own]
        texts = map(self._text, own.tolist())
        return list(zip(self._table.users.of(slots[some]), texts, strict=True))

    def _text(self, line: int) -> bytes:
        before, constants = calendar(self._table), self._table.constants
        first, closes = self._table.days.hundredths(line, before, constants)
        return text(first - 1, closes, booked(self._table, line) or {})

    def resume(self, slots: Slots) -> None:
        """After a take-over: of these, (n,), Redis has what `state` has; of others nobody knows, whatever the table said."""
        self.users = self._table.days.show(slots)

    def empty(self) -> None:
        """Redis has none."""
        self.resume(np.empty(0, np.intp))
