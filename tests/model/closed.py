"""Daily closes as a test wants them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.fold.day_lines import FREE
from streams.fold.rows import DAYS
from streams.fold.since import CLOSE
from streams.model.score import mass_for
from streams.model.table import Table


def close_at(table: Table, slots: Sequence[int], scores: Sequence[float], now_ms: int) -> None:
    """These were the scores of these slots when the day of `now_ms` began; they have changed since."""
    days = table.days
    days.begin(now_ms)
    arrays, lines = days.arrays, days.begun(np.array(slots))
    arrays.day[lines] = arrays.first[lines] = days.today
    for line, score in zip(lines.tolist(), scores, strict=True):
        arrays.since[line, CLOSE] = arrays.closes[line, days.today % DAYS] = mass_for(score, table.model)


def no_close(table: Table, slots: Sequence[int]) -> None:
    """All that these have has come since the day began, as far as anybody knows."""
    arrays, own = table.days.arrays, np.asarray(slots)
    arrays.state[table.days.lines(own)] = FREE
    arrays.line[own] = 0
