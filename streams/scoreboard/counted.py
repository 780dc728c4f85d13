"""Who of a partition is in the histogram: engaged with in the last 90 days, and no account of a person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.fold.rows import ENGAGEMENTS, GOT_TS
from streams.model.lately import lately
from streams.model.users import Slots
from streams.model.windows import Floats
from streams.scoreboard.spread import Histogram


class Counted:
    """The histogram of one partition, and by slot who is in it."""

    def __init__(self) -> None:
        self.histogram = Histogram()
        self._in: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def room(self, users: int) -> None:
        """Room for so many users."""
        self._in = np.concatenate((self._in, np.zeros(users - len(self._in), np.bool_)))

    def empty(self) -> None:
        """Nobody is in it."""
        self.histogram = Histogram()
        self._in[:] = False

    def move(self, cells: Floats, slots: Slots, before: Floats, now: Floats, now_ms: int) -> dict[int, int]:
        """These users go from one score to another (0: none; below 0: an account of a person); returns the bins that change."""
        some = lately(cells[slots, GOT_TS], cells[slots, ENGAGEMENTS], now_ms)
        bins = self.histogram.move(np.where(self._in[slots], before, 0.0), np.where(some, now, 0.0))
        self._in[slots] = some & (now > 0)
        return bins

    def fallen_out(self, cells: Floats, first: int, most: int, now_ms: int) -> Slots:
        """Who is in it and does not belong there any more, of at most `most` from slot `first` on."""
        inside = self._in[first : first + most]
        rows = cells[first : first + len(inside)]
        return first + np.flatnonzero(inside & ~lately(rows[:, GOT_TS], rows[:, ENGAGEMENTS], now_ms))
