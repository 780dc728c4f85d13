"""What is behind the scores of rows, many users at once: the formulas of `streams.model.score` as columns, beside the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.events import KINDS
from streams.fold.rows import ACTED, FOLLOWERS, SUMS, WEEK
from streams.model import score
from streams.model.table import Table
from streams.model.windows import Floats


class Assessment(NamedTuple):
    """n users at one moment. `kinds` (n, 6) is each kind's share of the engagement mass, in mass."""

    windows: Floats  #: (n, 3) decayed: day, week, quarter
    kinds: Floats  #: (n, 6)
    acted: Floats  #: (n,) decayed number of own actions
    engagement: Floats  #: (n,) mass
    reach: Floats  #: (n,) mass
    participation: Floats  #: (n,) mass
    unfloored: Floats  #: (n,) score before the floor of 1


def assess(table: Table, rows: Floats, now_ms: int) -> Assessment:
    """Everything a record says about these rows (n, WIDTH) of `table` at `now_ms`."""
    model, decays = table.model, table.decays(now_ms)[:3]
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
