"""Daily closes of a table's users: every score when the day closes (UTC midnight, or another time of day), for 90 days.

Owns the arrays of `streams.fold.day_lines`, and sees to room in them. `streams.fold.days` has the rules.

Lines are open while somebody needs them. A hand goes round once between two marks, some lines each time that room is asked for,
and packs those that nothing has touched since it came by last. Who was merely read is packed when lines run short.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.fold import closes, day_lines, since
from streams.fold.constants import Constants
from streams.fold.day_lines import FIRST_FREE, FREE, FREE_LINES, IDLE, LENT, MOST_CHUNK, REST, SORTS, TOUCHED, UNIT
from streams.fold.days import Calendar
from streams.fold.rows import DAYS, LEDGER_DAYS, MARK_MS, WEEK
from streams.fold.since import ENTRIES, SINCE
from streams.model.users import Slots
from streams.model.versions import DAY_MS
from streams.model.windows import Floats

FIRST, _MORE = 64, 16_384  #: lines of a new table; they double, then grow by steps
ROOM, _STEP = 4 * MOST_CHUNK, 4 << 20  #: bytes of a new arena; the same
_AT_ONCE, _FOR_EACH = (
    1_024,
    4,
)  #: lines that the hand goes on at least, and for each that is asked for: 1 ms for a block


class Days:
    """The lines of a table's users, and the day that has begun with the last close."""

    __slots__ = ("_hand", "_mark", "arrays", "calendar", "closed_ms", "closes_ms", "today")

    def __init__(self) -> None:
        self.arrays = day_lines.Days(
            np.zeros(256, np.int32),
            np.zeros(1, np.int64),
            np.zeros(1, np.int64),
            np.zeros((1, DAYS), np.float32),
            np.zeros((1, SINCE)),
            np.zeros((1, LEDGER_DAYS, ENTRIES), np.float32),
            np.zeros(1, np.int64),
            np.zeros(1, np.int64),
            np.zeros(1, np.int32),
            np.full(1, FREE, np.uint8),
            np.zeros(2, np.int64),
            np.zeros(ROOM, np.uint8),
            np.zeros(SORTS, np.int64),
        )
        self.arrays.lists[REST] = 1  # 0 is no chunk
        self._grow(FIRST - 1)
        self.closes_ms = 0  #: so long after midnight, UTC, a day closes; it bears the date of its beginning
        self.today = 0  #: the day (since epoch) that has begun with the last close; 0: none yet
        self.closed_ms = 0  #: when that was
        self.calendar: tuple[object, Calendar] | None = None  #: the last one that was made, and what for
        self._mark = 0  #: the number of the last mark
        self._hand = 0  #: the line at which the hand goes on; 0: it rests

    def begin(self, now_ms: int) -> None:
        """It is this late: a day may have closed."""
        today, mark = (now_ms - self.closes_ms) // DAY_MS, now_ms // MARK_MS
        if today > self.today:
            self.today, self.closed_ms = today, today * DAY_MS + self.closes_ms
        if mark > self._mark:
            self._mark, self._hand = mark, self._hand or 1

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
        day_lines.shrink(self.arrays, sum(1 << column for column in columns), halvings)

    def room(self, users: int) -> None:
        """Room for so many users in all."""
        self.arrays.line.resize(users, refcheck=False)

    def room_for(self, more: int) -> day_lines.Days:
        """The arrays, with room for so many more open lines. Others may be packed: nobody keeps the place of one across this."""
        if self._hand:
            self._turn(_AT_ONCE + _FOR_EACH * more)
        self._free(more)
        return self.arrays

    def _turn(self, most: int) -> None:
        """The hand goes on by so many lines."""
        states = self.arrays.state[self._hand : self._hand + most]
        idle = self._hand + np.flatnonzero(states == IDLE)
        states[states == TOUCHED] = IDLE
        self._hand = self._hand + most if self._hand + most < len(self.arrays.state) else 0
        self.pack(idle)

    def _free(self, more: int) -> None:
        """See to so many free lines."""
        arrays = self.arrays
        if arrays.free[FREE_LINES] < more:
            self.pack(np.flatnonzero(arrays.state == LENT))
        if arrays.free[FREE_LINES] < more:
            least = more - int(arrays.free[FREE_LINES])
            self._grow(max(least, min(len(arrays.state), _MORE)))

    def _grow(self, more: int) -> None:
        """So many lines more."""
        arrays, first = self.arrays, len(self.arrays.state)
        for column in arrays[1:-3]:
            column.resize((first + more, *column.shape[1:]), refcheck=False)
        arrays.owner[first:] = np.arange(first + 1, first + more + 1)
        arrays.owner[-1], arrays.free[FIRST_FREE] = arrays.free[FIRST_FREE], first
        arrays.free[FREE_LINES] += more

    def pack(self, lines: Slots) -> None:
        """These, (n,), are open and nobody needs them."""
        arrays, done = self.arrays, 0
        while done < len(lines):
            if int(arrays.lists[REST]) * UNIT + MOST_CHUNK > len(arrays.arena):
                arrays.arena.resize(len(arrays.arena) + min(len(arrays.arena), _STEP), refcheck=False)
            done = day_lines.pack(arrays, lines, done)

    def begun(self, slots: Slots) -> Slots:
        """The lines of these, (n,), open as `lines` has it; new ones of no day if need be."""
        day_lines.begin_all(self.room_for(len(slots)), slots)
        return self.lines(slots)

    def lines(self, slots: Slots) -> Slots:
        """Their lines, (n,), open until room is asked for again, by this for others as well; 0: none."""
        arrays = self.arrays
        found = arrays.line[slots]
        packed = int(np.count_nonzero(found < 0))
        if packed:
            lent = found[found > 0]
            lent = lent[arrays.state[lent] == LENT]
            arrays.state[lent] = IDLE  # not these
            self._free(packed)
            arrays.state[lent] = LENT
            day_lines.begin_all(arrays, np.asarray(slots)[found < 0])
            found = arrays.line[slots]
        return found.astype(np.intp)

    def show(self, slots: Slots) -> int:
        """Redis has of these, (n,), the closes that `state` has, and none of anybody else. Returns of how many it has some."""
        return int(day_lines.show(self.arrays, slots))

    def follow(self, slot: int, more: float) -> None:
        """So many followers more are known of, since the last close."""
        if line := int(self.lines(np.array([slot]))[0]):
            self.arrays.since[line, since.FOLLOWERS_SINCE] += more  # a close stays what it was

    def since(self, slots: Slots) -> tuple[NDArray[np.int64], Floats]:
        """The day of the last close of these, (n,), 0: nobody's line, and what has come since, (n, SINCE)."""
        self.lines(slots)
        found = np.empty((len(slots), SINCE))
        return closes.copied(self.arrays, slots, found), found

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
