"""Whom rules have to look at though nothing has happened to them, and their scores have not moved a displayed step."""

from __future__ import annotations

import numpy as np

from streams.fold.crossing import crossed
from streams.fold.episodes import FIRING
from streams.fold.judging import FALL, LINE
from streams.model.closes import BACK
from streams.model.ruleset import RuleSet
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS


class Silence:
    """Looks at the users of one table, in slices, now and then."""

    def __init__(self, table: Table, rules: RuleSet) -> None:
        self._table, self._rules = table, rules
        self._looked_ms = 0  #: when the last pass began
        self._day = 0

    def look(self, first: int, most: int, now_ms: int) -> Slots:
        """From slot `first` on, at most so many: whom a fall or a line has been crossed for; and whose alert may have settled."""
        table, columns = self._table, self._rules.columns
        end = min(first + most, len(table))
        found: list[Slots] = [self._settling(now_ms)] if first == 0 else []
        closed_ms = table.days.closed_ms
        wanted, lines = columns.sort == FALL, columns.amount[columns.sort == LINE]
        if closed_ms and end > first and (wanted.any() or len(lines)):
            of = [np.flatnonzero(wanted & (columns.window == 1 + n)) for n in range(len(BACK))]
            moments = closed_ms - BACK * float(DAY_MS)
            hit = np.empty(end - first, np.uint8)
            numbers = np.concatenate(of)
            crossed(
                *(table.cells[first:end], table.decays(now_ms), np.array([table.decays(int(at)) for at in moments])),
                *(moments, columns.amount[numbers], columns.per_cent[numbers]),
                *(np.array([0, *map(len, of)]).cumsum(), lines, table.constants, table.extras.arrays, hit),
            )
            found.append(first + np.flatnonzero(hit))
        return np.unique(np.concatenate([*found, np.empty(0, np.intp)])).astype(np.intp)

    def _settling(self, now_ms: int) -> Slots:
        """Of whom an alert is on that began as long ago as its rule looks back; all, once a day has closed."""
        table, columns = self._table, self._rules.columns
        episodes, before, day = table.episodes.arrays, self._looked_ms, self._day
        self._looked_ms, self._day = now_ms, table.days.today
        if not len(table.episodes) or not len(columns.key):
            return np.empty(0, np.intp)
        firing = episodes.phase == FIRING
        if day == self._day:
            order = np.argsort(columns.key)
            number = order[np.searchsorted(columns.key[order], episodes.rule).clip(max=len(order) - 1)]
            ends = episodes.began + columns.looks_back[number]
            firing &= (columns.key[number] == episodes.rule) & (ends <= now_ms) & (ends > before)
        owners: Slots = episodes.owner[firing].astype(np.intp)
        return owners
