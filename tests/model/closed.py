"""Daily closes as a test wants them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.fold.rows import DAYS
from streams.fold.since import CLOSE
from streams.model.score import mass_for
from streams.model.table import Table


def close_at(table: Table, slots: Sequence[int], scores: Sequence[float], now_ms: int) -> None:
    """These were the scores of these slots when the day of `now_ms` began; they have changed since."""
    days = table.days
    days.begin(now_ms)
    for slot, score in zip(slots, scores, strict=True):
        arrays = days.room_for(1)
        line = int(arrays.line[slot]) or int(arrays.used[0])
        if line == arrays.used[0]:
            arrays.used[0] += 1
        arrays.line[slot] = line
        arrays.day[line] = arrays.first[line] = days.today
        arrays.since[line, CLOSE] = arrays.closes[line, days.today % DAYS] = mass_for(score, table.model)


def no_close(table: Table, slots: Sequence[int]) -> None:
    """All that these have has come since the day began, as far as anybody knows."""
    table.days.arrays.line[np.asarray(slots)] = 0
