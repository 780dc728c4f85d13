"""Daily closes: every user's score when the day closes (UTC midnight, or another time of day): what history and alerts refer to."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import numpy as np

from streams.fold.rows import CLOSE
from streams.model import assess
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS
from streams.model.windows import Floats

MOST_DAYS = 90  # history is kept this long


Closes = tuple[str, Floats]  #: the date, and the scores (n,) of all users at its end


def due(table: Table, now_ms: int, closes_ms: int = 0) -> Iterator[Closes]:
    """Take the closes that are due at `now_ms`: one for each time that a day closed since the last, oldest first.

    A day closes `closes_ms` after midnight, UTC; it bears the date of its beginning.

    Days without events are closed too, by the closed form. The first call only notes the day. Closes go to the CLOSE column
    as each one is taken.
    """
    return (closes for closes in taken(table, now_ms, closes_ms) if closes)


def taken(table: Table, now_ms: int, closes_ms: int = 0) -> Iterator[Closes | None]:
    """As `due`, in slices: None comes after each, a moment at which others may have their turn and the table may grow."""
    today = (now_ms - closes_ms) // DAY_MS
    if today <= table.day:
        return
    first, table.day = table.day, max(table.day, today)
    if not first:
        return
    for day in range(max(first + 1, today - MOST_DAYS + 1), today + 1):
        slices: list[Floats] = []
        start, at_ms = 0, day * DAY_MS + closes_ms
        table.closed_ms = at_ms
        while start < len(table):
            slices.append(assess.population(table, at_ms, start, assess.SLICE))
            end = start + len(slices[-1])
            table.cells[start:end, CLOSE] = slices[-1]
            start = end
            yield None
        yield date(day - 1), np.concatenate(slices or [np.empty(0)])


def close_again(table: Table, slots: Slots) -> None:
    """Take the last closes of these users as if it were then: right for whoever has not moved since."""
    table.cells[slots, CLOSE] = assess.scores(table, slots, table.closed_ms)


def date(day: int) -> str:
    """A day since the epoch as an ISO date, UTC."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
