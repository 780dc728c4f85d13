"""The masses of those who count, out of a table or of published records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from streams.events import KINDS
from streams.fold.rows import ACTED, ENGAGEMENTS, FOLLOWERS, GOT_TS, SUMS, WEEK
from streams.model.lately import lately, record_counts
from streams.model.score import mass, mass_at
from streams.model.table import Table
from streams.model.versions import Model
from streams.model.windows import Floats


def of_table(table: Table, now_ms: int) -> Floats:
    """Masses (n,) at `now_ms` of everyone in the table who was engaged with in the 90 days before; facts are left out."""
    rows = table.cells[: len(table)]
    rows = rows[lately(rows[:, GOT_TS], rows[:, ENGAGEMENTS], now_ms)]
    decays = table.decays(now_ms)
    sums = rows[:, SUMS : SUMS + 3 * len(KINDS)].reshape(len(rows), len(KINDS), 3).sum(axis=1)
    return mass(sums * decays[:3], rows[:, FOLLOWERS], rows[:, ACTED] * decays[WEEK], table.model)


def of_records(records: Iterable[dict[str, Any]], model: Model, now_ms: int) -> Floats:
    """The same of score records; accounts of persons are left out, for their person counts."""
    found = [mass_at(record, model, now_ms) for record in records if record_counts(record, model, now_ms)]
    return np.array(found, np.float64)
