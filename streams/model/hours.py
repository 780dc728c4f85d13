"""What has come lately to a table's users. Owns the arrays of `streams.fold.hours`, which has the rules."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import hours
from streams.fold.hours import COLUMNS, MARKS, NEVER
from streams.fold.rows import WEEK
from streams.model.dates import AN_HOUR, mark
from streams.model.users import Slots
from streams.model.windows import Floats

_FIRST = 64


class Lately(NamedTuple):
    """Of users, what came behind marks."""

    marks: NDArray[np.int64]  #: (n, MARKS) their numbers; NEVER: nothing
    gained: Floats  #: (n, MARKS, COLUMNS)


class Hours:
    """The lines of those who have events of the last four marks."""

    __slots__ = ("arrays",)

    def __init__(self) -> None:
        self.arrays = hours.Hours(
            np.zeros(256, np.int32),
            np.zeros(_FIRST, np.int64),
            np.full(MARKS * _FIRST, NEVER),
            np.zeros((MARKS * _FIRST, COLUMNS)),
            np.ones(1, np.int64),
            np.zeros(1, np.int64),
        )

    def begin(self, newest_ms: int) -> None:
        """The newest event is of this time: if it has passed a mark, lines of those who were quiet since are taken away."""
        arrays, oldest = self.arrays, mark(newest_ms) - AN_HOUR - 1
        if oldest <= arrays.oldest[0]:
            return
        arrays.oldest[0], used = oldest, int(arrays.used[0])
        newest = arrays.marks[: MARKS * used].reshape(used, MARKS).max(axis=1)
        kept = np.flatnonzero(newest[1:] >= oldest) + 1
        arrays.line[arrays.owner[1:used]] = 0
        arrays.owner[1 : len(kept) + 1] = owners = arrays.owner[kept]
        arrays.line[owners] = np.arange(1, len(kept) + 1)
        for column in (arrays.marks, arrays.gained):
            lines = column.reshape(-1, MARKS, *column.shape[1:])
            lines[1 : len(kept) + 1] = lines[kept]
        arrays.used[0] = len(kept) + 1

    def shrink(self, window: int, halvings: int) -> None:
        """The landmark of a window has moved by so many half-lives."""
        columns = [hours.GAINED + window, *([hours.ACTED_THEN] if window == WEEK else [])]
        self.arrays.gained[:, columns] = np.ldexp(self.arrays.gained[:, columns], -halvings)

    def room(self, users: int) -> None:
        """Room for so many users in all."""
        self.arrays.line.resize(users, refcheck=False)

    def room_for(self, more: int) -> hours.Hours:
        """The arrays, with room for so many more lines."""
        arrays = self.arrays
        wanted = int(arrays.used[0]) + more
        if wanted > len(arrays.owner):
            size = max(wanted, min(2 * len(arrays.owner), len(arrays.owner) + 16_384))
            arrays.owner.resize(size, refcheck=False)
            arrays.marks.resize(MARKS * size, refcheck=False)
            arrays.gained.resize((MARKS * size, COLUMNS), refcheck=False)
        return arrays

    def lately(self, slots: Slots) -> Lately:
        """What came to these, (n,)."""
        found = Lately(np.empty((len(slots), MARKS), np.int64), np.empty((len(slots), MARKS, COLUMNS)))
        hours.copied(self.arrays, slots, *found)
        return found
