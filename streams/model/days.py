"""Daily closes: every user's score at UTC midnight, the point that history and the fall alert refer to."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from streams.model import assess
from streams.model.table import CLOSE, Table
from streams.model.versions import DAY_MS
from streams.model.windows import Floats

MOST_DAYS = 90  # history is kept this long


def due(table: Table, now_ms: int) -> Iterator[tuple[str, Floats]]:
    """Take the closes that are due at `now_ms`: (date, scores (n,) of all users) for each midnight since the last, oldest first.

    Days without events are closed too, by the closed form. The first call only notes the day. Closes go to the CLOSE column
    as each one is taken.
    """
    today = now_ms // DAY_MS
    if today <= table.day:
        return
    first, table.day = table.day, max(table.day, today)
    if not first:
        return
    for day in range(max(first + 1, today - MOST_DAYS + 1), today + 1):
        closes = assess.population(table, day * DAY_MS)
        table.cells[: len(table), CLOSE] = closes
        yield date(day - 1), closes


def date(day: int) -> str:
    """A day since the epoch as an ISO date, UTC."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
