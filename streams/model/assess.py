"""Rows to numbers, many users at once: windows, mass, score. The formula itself is in score.py."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.events import KINDS
from streams.fold.rows import ACTED, FOLLOWERS, PUBLISHED, SCORE, SUMS, WEEK
from streams.model import score
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import Model
from streams.model.windows import Floats

SLICE = 32_768  # a pass over everyone works in pieces that fit the cache, and in which nobody else waits long: 10 ms


class Assessment(NamedTuple):
    """n users at one moment. `kinds` (n, 6) is each kind's share of the engagement mass, in mass."""

    windows: Floats  #: (n, 3) decayed: day, week, quarter
    kinds: Floats  #: (n, 6)
    acted: Floats  #: (n,) decayed number of own actions
    engagement: Floats  #: (n,) mass
    reach: Floats  #: (n,) mass
    participation: Floats  #: (n,) mass
    unfloored: Floats  #: (n,) score before the floor of 1


def assess(table: Table, rows: Floats, now_ms: int, decays: Floats | None = None) -> Assessment:
    """Everything a record says about these rows (n, WIDTH) of `table` at `now_ms`.

    Rows copied earlier are read with the `decays` of that moment: the table's landmarks may have moved since.
    """
    model, decays = table.model, table.decays(now_ms) if decays is None else decays
    by_kind = rows[:, SUMS : SUMS + 3 * len(KINDS)].reshape(-1, len(KINDS), 3) * decays
    read = np.maximum(by_kind.sum(axis=1), 0.0)
    engagement = score.engagement_mass(read, model)
    kinds = np.maximum(by_kind @ np.asarray(model.mixture), 0.0)
    total = kinds.sum(axis=1, keepdims=True)
    kinds = np.divide(kinds, total, out=np.zeros_like(kinds), where=total > 0) * engagement[:, None]
    acted = np.maximum(rows[:, ACTED] * decays[WEEK], 0.0)
    reach = score.reach(rows[:, FOLLOWERS], model)
    participation = score.participation(acted, model)
    unfloored = score.hill(engagement + reach + participation, model)
    return Assessment(read, kinds, acted, engagement, reach, participation, unfloored)


def scores(table: Table, slots: Slots | slice, now_ms: int) -> Floats:
    """Just the scores (n,), at least 1, of these slots at `now_ms`."""
    return _scores(table.cells[slots], table.decays(now_ms), table.model)


def _scores(rows: Floats, decays: Floats, model: Model) -> Floats:
    # (n, 18) @ (18, 3): sums the kinds of each window and decays them, as one matrix product
    read = rows[:, SUMS : SUMS + 3 * len(KINDS)] @ np.tile(np.diag(decays), (len(KINDS), 1))
    masses = score.mass(read, rows[:, FOLLOWERS], rows[:, ACTED] * decays[WEEK], model)
    return np.maximum(score.hill(masses, model), 1.0)


def population(table: Table, now_ms: int, first: int = 0, most: int | None = None) -> Floats:
    """Scores (n,) at `now_ms` of every user of the table, or of those from slot `first` on, at most so many."""
    decays, end = table.decays(now_ms), len(table) if most is None else min(first + most, len(table))
    found = np.empty(max(end - first, 0))
    for start in range(first, end, SLICE):
        stop = min(start + SLICE, end)
        found[start - first : stop - first] = _scores(table.cells[start:stop], decays, table.model)
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
