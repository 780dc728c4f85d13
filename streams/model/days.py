"""Daily closes of a table's users: every score when the day closes (UTC midnight, or another time of day), for 90 days.

Owns the arrays of `streams.fold.days`, which has the rules, and sees to room in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import days
from streams.fold.constants import Constants
from streams.fold.days import DAYS, KEPT_SINCE, SINCE, Calendar
from streams.fold.rows import WEEK
from streams.model.dates import date
from streams.model.users import Slots
from streams.model.versions import DAY_MS
from streams.model.windows import Floats

if TYPE_CHECKING:
    from streams.model.table import Table

BACK = np.array([0, 6, 29])  #: closes that a record refers to: the last, that of a week and of a month ago
_FIRST = 64


class Known(NamedTuple):
    """What lines know of the closes that records refer to, (n, 3), see `streams.fold.days.read`, and when those were."""

    closes: Floats
    moments_ms: Floats  #: (3,)
    decays: Floats  #: (3, 4) of these moments

    def between(self, part: slice) -> Known:
        """Those of a part of the users."""
        return self._replace(closes=self.closes[part])


class Days:
    """The lines of a table's users, and the day that has begun with the last close."""

    __slots__ = ("_calendar", "arrays", "closed_ms", "closes_ms", "today")

    def __init__(self) -> None:
        self.arrays = days.Days(
            np.zeros(256, np.int32),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.int64),
            np.zeros((_FIRST, DAYS), np.float32),
            np.zeros((_FIRST, SINCE)),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.int64),
            np.ones(1, np.int64),
        )
        self.closes_ms = 0  #: so long after midnight, UTC, a day closes; it bears the date of its beginning
        self.today = 0  #: the day (since epoch) that has begun with the last close; 0: none yet
        self.closed_ms = 0  #: when that was
        self._calendar: tuple[object, Calendar] | None = None

    def begin(self, now_ms: int) -> None:
        """It is this late: a day may have closed."""
        today = (now_ms - self.closes_ms) // DAY_MS
        if today > self.today:
            self.today, self.closed_ms = today, today * DAY_MS + self.closes_ms

    def shrink(self, window: int, halvings: int) -> None:
        """The landmark of a window has moved by so many half-lives."""
        columns = [*range(days.GAINED + window, days.REVERSED + 3, 3), *([days.ACTED_SINCE] if window == WEEK else [])]
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

    def calendar(self, table: Table) -> Calendar:
        """The closes before now, for sums with the landmarks of the table."""
        known = self.closed_ms, tuple(table.landmarks)
        if self._calendar is None or self._calendar[0] != known:
            decays = np.array([table.decays(self.closed_ms - back * DAY_MS) for back in range(DAYS + 1)])
            self._calendar = known, Calendar(self.today, self.closed_ms, decays)
        return self._calendar[1]

    def touch(self, table: Table, slots: Slots, ts: int) -> None:
        """These, (n,), are about to change by something of this moment, other than an event."""
        arrays, calendar = self.room_for(len(slots)), self.calendar(table)
        days.touch(arrays, table.cells, slots, ts, calendar, table.constants, table.extras.arrays)

    def facts_then(self, table: Table, slots: Slots) -> None:
        """What was told of these, (n,), was so at the last close."""
        days.facts_then(self.arrays, table.cells, slots, self.calendar(table), table.constants, table.extras.arrays)

    def follow(self, slot: int, more: float) -> None:
        """So many followers more are known of, since the last close."""
        if line := int(self.arrays.line[slot]):
            self.arrays.since[line, days.FOLLOWERS_SINCE] += more  # a close stays what it was

    def known(self, table: Table, slots: Slots) -> Known:
        """What lines know of the closes that the records of these refer to."""
        found, calendar = np.empty((len(slots), len(BACK))), self.calendar(table)
        days.read(self.arrays, table.cells, slots, calendar, table.constants, BACK, found)
        return Known(found, self.closed_ms - BACK * float(DAY_MS), calendar.decays[BACK])

    def last(self, table: Table, slots: Slots) -> Floats:
        """The last close of these, (n,); `streams.fold.days.NONE`."""
        found, calendar = np.empty((len(slots), 1)), self.calendar(table)
        days.read(self.arrays, table.cells, slots, calendar, table.constants, BACK[:1], found)
        days.fill(table.cells, slots, found, calendar, BACK[:1], table.constants, table.extras.arrays)
        return found[:, 0]

    def since(self, slots: Slots) -> tuple[NDArray[np.int64], Floats]:
        """The day of the last close of these, (n,), 0: nobody's line, and what has come since, (n, KEPT_SINCE)."""
        found = np.empty((len(slots), KEPT_SINCE))
        return days.copied(self.arrays, slots, found), found

    def lines(self, slots: Slots) -> Slots:
        """Their lines, (n,); 0: none."""
        return self.arrays.line[slots].astype(np.intp)

    def of(self, line: int) -> tuple[int, NDArray[np.float32]]:
        """The first day whose beginning has a close here, and the masses of the closes from then on."""
        first, last = int(self.arrays.first[line]), int(self.arrays.day[line])
        return first, self.arrays.closes[line, np.arange(first, last + 1) % DAYS]

    def hundredths(self, line: int, constants: Constants) -> tuple[int, list[int]]:
        """The same as scores, in hundredths of a point."""
        first, masses = self.of(line)
        found = np.empty(len(masses))
        days.scores(masses, constants, found)
        whole: list[int] = np.rint(found * 100.0).astype(np.int64).tolist()
        return first, whole

    @property
    def nbytes(self) -> int:
        """Bytes of the lines in use."""
        return int(self.arrays.used[0]) * sum(column[:1].nbytes for column in self.arrays[1:-1])


def history(table: Table, slot: int) -> Iterator[tuple[str, float]]:
    """The closes of a user, (date of the day that closed, score), oldest first."""
    own, calendar = table.days, table.days.calendar(table)
    back = np.arange(min(DAYS, own.today) - 1, -1, -1)
    slots, found = np.array([slot]), np.empty((1, len(back)))
    days.read(own.arrays, table.cells, slots, calendar, table.constants, back, found)
    days.fill(table.cells, slots, found, calendar, back, table.constants, table.extras.arrays)
    for ago, close in zip(back.tolist(), found[0].tolist(), strict=True):
        if close != days.NONE:
            yield date(own.today - ago - 1), close
