"""The scores of many users at once, by the kernel that writes records: they agree to the last digit."""

from __future__ import annotations

import numpy as np

from streams.fold.rows import PUBLISHED, SCORE
from streams.fold.score import scores_of
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.windows import Floats

SLICE = 32_768  # a pass over everyone works in pieces that fit the cache, and in which nobody else waits long: 10 ms


def scores(table: Table, slots: Slots | slice, now_ms: int) -> Floats:
    """Just the scores (n,), at least 1, of these slots at `now_ms`."""
    rows = table.cells[slots]
    found = np.empty(len(rows))
    scores_of(rows, table.decays(now_ms), table.constants, table.extras.arrays, found)
    return found


def population(table: Table, now_ms: int, first: int = 0, most: int | None = None) -> Floats:
    """Scores (n,) at `now_ms` of every user of the table, or of those from slot `first` on, at most so many."""
    decays, more, end = (
        table.decays(now_ms),
        table.extras.arrays,
        len(table) if most is None else min(first + most, len(table)),
    )
    found = np.empty(max(end - first, 0))
    for start in range(first, end, SLICE):
        stop = min(start + SLICE, end)
        scores_of(table.cells[start:stop], decays, table.constants, more, found[start - first : stop - first])
    return found


def moved(table: Table, now_ms: int, first: int = 0, most: int | None = None) -> Slots:
    """The idle pass: users whose score is a displayed step or more from what was last published, though nothing happened.

    Also who was last published before an import.

    Looks at everyone, or at those from slot `first` on, at most so many.
    """
    found = population(table, now_ms, first, most)
    rows = table.cells[first : first + len(found)]
    published = rows[:, SCORE]
    moved = (np.abs(found - published) >= table.model.displayed_step) & (published > 0)
    if table.published_from:
        moved |= rows[:, PUBLISHED] < table.published_from
    return first + np.flatnonzero(moved)
