"""What rules keep of a table's users. Owns the arrays of `streams.fold.episodes`, and sees to room in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.fold import episodes
from streams.fold.rows import EPISODES
from streams.model.users import Slots
from streams.model.windows import Floats

_FIRST, _STEP = 64, 16_384


class Episode(NamedTuple):
    """What is kept of one rule about one user."""

    rule: int  #: hash of its name, see `streams.model.ruleset.key_of`
    phase: int  #: see `streams.fold.episodes`
    began: int  #: ms since epoch
    reference: float  #: the score that it was compared with


class Episodes:
    """Of all users of a table; `cells` are its rows."""

    __slots__ = ("arrays",)

    def __init__(self) -> None:
        self.arrays = episodes.Episodes(
            np.zeros(1, np.uint64),
            np.zeros(1, np.int64),
            np.zeros(1, np.uint8),
            np.zeros(1, np.int64),
            np.zeros(1),
            np.zeros(1, np.int32),
            np.zeros(2, np.int64),
        )

    def __len__(self) -> int:
        return len(self.arrays.rule) - 1 - int(self.arrays.free[1])

    def _room(self) -> None:
        """One place at least is free."""
        arrays, first = self.arrays, len(self.arrays.rule)
        if arrays.free[1]:
            return
        more = max(_FIRST, min(first, _STEP))
        for column in arrays[:-1]:
            column.resize(first + more, refcheck=False)
        arrays.next[first:] = np.arange(first + 1, first + more + 1)
        arrays.next[-1], arrays.free[:] = 0, (first, more)

    def put(self, cells: Floats, slot: int, episode: Episode) -> bool:
        """This is so of its rule now. False: the user has as many as are kept of one."""
        self._room()
        rule, phase, began, reference = episode
        put: bool = episodes.put(self.arrays, cells, slot, np.uint64(rule), phase, began, float(reference))
        return put

    def drop(self, cells: Floats, slot: int, rule: int) -> None:
        """Nothing is kept of this rule any more."""
        episodes.drop(self.arrays, cells, slot, np.uint64(rule))

    def of(self, cells: Floats, slot: int) -> list[Episode]:
        """All of a user."""
        arrays, at, found = self.arrays, int(cells[slot, EPISODES]), []
        while at:
            found.append(
                Episode(int(arrays.rule[at]), int(arrays.phase[at]), int(arrays.began[at]), float(arrays.reference[at]))
            )
            at = int(arrays.next[at])
        return found

    def get(self, cells: Floats, slot: int, rule: int) -> Episode | None:
        """That of a rule."""
        return next((one for one in self.of(cells, slot) if one.rule == rule), None)

    def owners(self, besides: set[int]) -> Slots:
        """Users, ascending, of whom something is kept of other rules than these."""
        arrays = self.arrays
        others = (arrays.phase > 0) & ~np.isin(arrays.rule, np.array(sorted(besides), np.uint64))
        return np.unique(arrays.owner[others]).astype(np.intp)
