"""Daily closes: every user's score at UTC midnight, the point that history and the fall alert refer to."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import numpy as np

from streams.model import assess
from streams.model.table import CLOSE, Slots, Table
from streams.model.versions import DAY_MS
from streams.model.windows import Floats

MOST_DAYS = 90  # history is kept this long


Closes = tuple[str, Floats]  #: the date, and the scores (n,) of all users at its end


def due(table: Table, now_ms: int) -> Iterator[Closes]:
    """Take the closes that are due at `now_ms`: one for each midnight since the last, oldest first.

    Days without events are closed too, by the closed form. The first call only notes the day. Closes go to the CLOSE column
    as each one is taken.
    """
    return (closes for closes in taken(table, now_ms) if closes)


def taken(table: Table, now_ms: int) -> Iterator[Closes | None]:
    """As `due`, in slices: None comes after each, a moment at which others may have their turn and the table may grow."""
    today = now_ms // DAY_MS
    if today <= table.day:
        return
    first, table.day = table.day, max(table.day, today)
    if not first:
        return
    for day in range(max(first + 1, today - MOST_DAYS + 1), today + 1):
        slices: list[Floats] = []
        start = 0
        while start < len(table):
            slices.append(assess.population(table, day * DAY_MS, start, assess.SLICE))
            end = start + len(slices[-1])
            table.cells[start:end, CLOSE] = slices[-1]
            start = end
            yield None
        yield date(day - 1), np.concatenate(slices or [np.empty(0)])


def close_again(table: Table, slots: Slots) -> None:
    """Take the last closes of these users as if it were midnight: right for whoever has not moved since."""
    table.cells[slots, CLOSE] = assess.scores(table, slots, table.day * DAY_MS)


def date(day: int) -> str:
    """A day since the epoch as an ISO date, UTC."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()
