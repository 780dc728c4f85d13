"""Whom rules have to look at though nothing has happened to them, and their scores have not moved a displayed step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.crossing import crossed
from streams.fold.episodes import FIRING
from streams.fold.judging import FALL, LINE, Rules
from streams.model.closes import BACK
from streams.model.ruleset import RuleSet
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS
from streams.model.windows import Floats


class _Levels(NamedTuple):
    """At what scores and falls somebody has to be looked at, see `crossed`."""

    falls: Floats
    begins: NDArray[np.int64]
    lines: Floats

    @property
    def any(self) -> bool:
        """Is there one at all?"""
        return len(self.falls) + len(self.lines) > 0


class Silence:
    """Looks at the users of one table, in slices, now and then."""

    def __init__(self, table: Table, rules: RuleSet) -> None:
        self._table, self._rules = table, rules
        self._looked_ms = 0  #: when the last pass began
        self._day = 0
        self._levels: tuple[_Levels, _Levels] | None = None  #: of rules of many, and of those that name users

    def look(self, first: int, most: int, now_ms: int) -> Slots:
        """From slot `first` on, at most so many: whom a fall or a line has been crossed for; and whose alert may have settled."""
        table, rules = self._table, self._rules
        end = min(first + most, len(table))
        found: list[Slots] = [self._settling(now_ms)] if first == 0 else []
        if first == 0 or self._levels is None:
            some = rules.of_many, rules.of_named
            self._levels = _levels(rules.columns, some[0]), _levels(rules.columns, some[1])
        if table.days.closed_ms and end > first:
            of_many, of_named = self._levels
            if of_many.any:
                found.append(first + self._crossed(table.cells[first:end], of_many, now_ms))
            if of_named.any and len(named := first + np.flatnonzero(rules.columns.user[first:end])):
                found.append(named[self._crossed(table.cells[named], of_named, now_ms)])
        return np.unique(np.concatenate([*found, np.empty(0, np.intp)])).astype(np.intp)

    def _crossed(self, rows: Floats, levels: _Levels, now_ms: int) -> Slots:
        """Numbers of those rows that have crossed one of these levels."""
        table = self._table
        moments = table.days.closed_ms - BACK * float(DAY_MS)
        then, hit = np.array([table.decays(int(at)) for at in moments]), np.empty(len(rows), np.uint8)
        crossed(rows, table.decays(now_ms), then, moments, *levels, table.constants, table.extras.arrays, hit)
        return np.flatnonzero(hit)

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


def _levels(columns: Rules, numbers: NDArray[np.int64]) -> _Levels:
    """Those of these rules."""
    some = columns.sort[numbers] == FALL
    windows, shares, amounts = (column[numbers] for column in (columns.window, columns.per_cent, columns.amount))
    falls = [
        np.unique(amounts[some & (windows == 1 + n) & (shares == share)])
        for n in range(len(BACK))
        for share in (False, True)
    ]
    lines = np.unique(amounts[columns.sort[numbers] == LINE])
    return _Levels(np.concatenate(falls), np.array([0, *map(len, falls)]).cumsum(), lines)
