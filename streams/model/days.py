"""Daily closes of a table's users: every score when the day closes (UTC midnight, or another time of day), for 90 days.

Owns the arrays of `streams.fold.days`, which has the rules, and sees to room in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.fold import closes, days, since
from streams.fold.constants import Constants
from streams.fold.days import Calendar
from streams.fold.rows import DAYS, LEDGER_DAYS, WEEK
from streams.fold.since import ENTRIES, SINCE
from streams.model.users import Slots
from streams.model.versions import DAY_MS
from streams.model.windows import Floats

_FIRST = 64


class Days:
    """The lines of a table's users, and the day that has begun with the last close."""

    __slots__ = ("arrays", "calendar", "closed_ms", "closes_ms", "today")

    def __init__(self) -> None:
        self.arrays = days.Days(
            np.zeros(256, np.int32),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.int64),
            np.zeros((_FIRST, DAYS), np.float32),
            np.zeros((_FIRST, SINCE)),
            np.zeros((_FIRST, LEDGER_DAYS, ENTRIES), np.float32),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.int64),
            np.ones(1, np.int64),
        )
        self.closes_ms = 0  #: so long after midnight, UTC, a day closes; it bears the date of its beginning
        self.today = 0  #: the day (since epoch) that has begun with the last close; 0: none yet
        self.closed_ms = 0  #: when that was
        self.calendar: tuple[object, Calendar] | None = None  #: the last one that was made, and what for

    def begin(self, now_ms: int) -> None:
        """It is this late: a day may have closed."""
        today = (now_ms - self.closes_ms) // DAY_MS
        if today > self.today:
            self.today, self.closed_ms = today, today * DAY_MS + self.closes_ms

    def begins(self, ts: int) -> bool:
        """Is this of a later day than all before?"""
        return 0 < self.today < (ts - self.closes_ms) // DAY_MS

    def shrink(self, window: int, halvings: int) -> None:
        """The landmark of a window has moved by so many half-lives."""
        columns = [
            *range(since.GAINED + window, since.LINKED + 3, 3),
            *([since.ACTED_SINCE] if window == WEEK else []),
        ]
        self.arrays.since[:, columns] = np.ldexp(self.arrays.since[:, columns], -halvings)

    def room(self, users: int) -> None:
        """Room for so many users in all."""
        self.arrays.line.resize(users, refcheck=False)

    def room_for(self, more: int) -> days.Days:
        """The arrays, with room for so many more lines."""
        wanted = int(self.arrays.used[0]) + more
        if wanted > len(self.arrays.day):
            size = max(wanted, min(2 * len(self.arrays.day), len(self.arrays.day) + 16_384))
            for column in self.arrays[1:-1]:
                column.resize((size, *column.shape[1:]), refcheck=False)
        return self.arrays

    def follow(self, slot: int, more: float) -> None:
        """So many followers more are known of, since the last close."""
        if line := int(self.arrays.line[slot]):
            self.arrays.since[line, since.FOLLOWERS_SINCE] += more  # a close stays what it was

    def since(self, slots: Slots) -> tuple[NDArray[np.int64], Floats]:
        """The day of the last close of these, (n,), 0: nobody's line, and what has come since, (n, SINCE)."""
        found = np.empty((len(slots), SINCE))
        return closes.copied(self.arrays, slots, found), found

    def lines(self, slots: Slots) -> Slots:
        """Their lines, (n,); 0: none."""
        return self.arrays.line[slots].astype(np.intp)

    def of(self, line: int) -> tuple[int, NDArray[np.float32]]:
        """The first day whose beginning has a close here, and the masses of the closes from then on."""
        last = int(self.arrays.day[line])
        first = max(int(self.arrays.first[line]), last - DAYS + 1)
        return first, self.arrays.closes[line, np.arange(first, last + 1) % DAYS]

    def booked(self, line: int) -> NDArray[np.float32]:
        """What the last closed days of a line gave, (LEDGER_DAYS, ENTRIES), the last one first."""
        last = int(self.arrays.day[line])
        found: NDArray[np.float32] = self.arrays.ledger[line, np.arange(last, last - LEDGER_DAYS, -1) % LEDGER_DAYS]
        return found

    def hundredths(self, line: int, calendar: Calendar, constants: Constants) -> tuple[int, list[int]]:
        """The same as scores, each by the model in force then, in hundredths of a point."""
        first, masses = self.of(line)
        found = np.empty(len(masses))
        closes.scores(masses, first, calendar, constants, found)
        whole: list[int] = np.rint(found * 100.0).astype(np.int64).tolist()
        return first, whole
