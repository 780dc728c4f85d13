"""Rules by percentile and top N: what partitions tell of their scores, and the lines that the owner of partition 0 makes of it.

A line is taken up like a rule: by all partitions, from `policies`, in an interval whose header names the offset.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from streams.fold.rows import ENGAGEMENTS, GOT_TS, SCORE
from streams.formats.ranks import TENTHS, Counted
from streams.model.lately import lately
from streams.model.ranks import place
from streams.model.rules import ScoreLine
from streams.model.table import Table
from streams.policies.records import Record, encode_line, line_key
from streams.scoreboard.layout import BINS_PER_POINT, bins_of

HOME = 0  #: the partition whose owner makes the lines
_LOWEST = 1.0  # nobody's score is lower
_SLICE = 100_000  # users looked at together, so that their columns stay in the cache


def counts(table: Table, now_ms: int) -> NDArray[np.int64]:
    """(TENTHS,) users by tenth of a point of the score last published; those whom the page counts (`scoreboard.counted`)."""
    found = np.zeros(TENTHS, np.int64)
    for first in range(0, len(table), _SLICE):
        rows = table.cells[first : min(first + _SLICE, len(table))]
        some = lately(rows[:, GOT_TS], rows[:, ENGAGEMENTS], now_ms) & (rows[:, SCORE] > 0)
        slots = np.flatnonzero(some) + first
        slots = slots[~table.linked(slots)]
        found += np.bincount(bins_of(table.cells[slots, SCORE]), minlength=TENTHS)
    return found


def line(found: NDArray[np.int64], name: str) -> float:
    """Where a line lies, of users by tenth of a point (TENTHS,).

    The highest tenth that as many users reach as there are places: so whoever is below it has no place, and of those in
    its own tenth all count as having one. The lowest score there is, while there are places for all.
    """
    above = found[::-1].cumsum()[::-1]
    reached = np.flatnonzero(above >= place(name, int(found.sum())))
    return max(float(reached[-1]) / BINS_PER_POINT, _LOWEST) if len(reached) else _LOWEST


class Telling:
    """When a partition tells how its scores are spread."""

    def __init__(self, every_s: float) -> None:
        self._every_ms, self._told_ms = every_s * 1000.0, -np.inf

    def due(self, now_ms: int) -> bool:
        """Is it time again? Then it is told now."""
        due = not 0 <= now_ms - self._told_ms < self._every_ms  # a clock that was set back must not make it wait
        if due:
            self._told_ms = now_ms
        return due


class Lines:
    """The lines that one owner of partition 0 publishes. What it has heard is in memory: after a take-over it comes again."""

    def __init__(self, partitions: int, every_s: float) -> None:
        self._partitions, self._clock = partitions, Telling(every_s)
        self._told: dict[str, float | None] = {}  # what the book may not know yet
        self._end = -1  # the offset behind it

    def records(
        self,
        counted: Mapping[int, Counted],
        asked: Collection[str],
        known: Mapping[str, ScoreLine],
        offset: int,
        now_ms: int,
    ) -> list[Record]:
        """Lines that have moved, and the removal of those that nobody asks for; mostly none.

        `counted` is what each partition has told last, `known` the lines of a book that was read to `offset`.
        """
        if offset >= self._end - 1:
            self._told.clear()
        there: dict[str, float | None] = {name: one.score for name, one in known.items()}
        there |= self._told
        said: dict[str, float | None] = {
            name: None for name, score in there.items() if score is not None and name not in asked
        }
        told = asked and len(counted) == self._partitions and any(one.counts.any() for one in counted.values())
        if told and self._clock.due(now_ms):
            together = np.sum([one.counts for one in counted.values()], axis=0)
            now = {name: line(together, name) for name in asked}
            said |= {name: score for name, score in now.items() if there.get(name) != score}
        versions = tuple(counted[number].version for number in sorted(counted))
        self._told |= said
        return [
            (line_key(name), None)
            if score is None
            else encode_line(name, ScoreLine(score=score, at=now_ms, versions=versions))
            for name, score in said.items()
        ]

    def committed(self, end: int) -> None:
        """The records end there in `policies`."""
        self._end = end
