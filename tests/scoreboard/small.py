"""A worker in small: rows whose scores a test sets, and what it would do at each fold and cut."""

from __future__ import annotations

import numpy as np

from streams.fold.rows import ENGAGEMENTS, GOT_TS, PUBLISHED, QUARTER, SCORE, SUMS, UNSEEN
from streams.model import assess
from streams.model.profiles import NOTHING, Hiding, Profile
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN
from streams.scoreboard.flush import Flush, Scoreboard, Versions
from streams.scoreboard.shown import Shown
from streams.scoreboard.view import View
from tests.model.lists import Kept, write
from tests.scoreboard.records import NOW_MS


class Counting(Shown):
    """Knows which calls it gave."""

    def __init__(self, table: Table, number: int, versions: Versions) -> None:
        super().__init__(table, number, "w1", versions)
        self.calls: list[Flush] = []

    def call(self, now_ms: int) -> Flush | None:
        """And remembers it."""
        made = super().call(now_ms)
        self.calls += [made] if made else []
        return made


class Small:
    """One partition: its rows, what Redis is to show of them, and the view that brings it there."""

    def __init__(self, board: Scoreboard, number: int = 0, last: int = 0, generation: int = 1) -> None:
        self.table = Table(PLAIN)
        self.table.advance(NOW_MS)
        self.versions = Versions(generation)
        self.shown = Counting(self.table, number, self.versions)
        self.view = View(board, self.shown, lambda: NOW_MS, lambda: float(NOW_MS), last=last)
        self.cut = 0
        self._retold: list[int] = []  # whose lists have changed since the last cut

    def fold(self, masses: dict[str, float], times: list[int] | None = None) -> None:
        """Engagements of these users: their mass is now so much."""
        for user, mass in masses.items():
            slot = self.table.slot(user)
            self.table.cells[slot, SUMS : SUMS + 3] = mass
            self.table.cells[slot, [ENGAGEMENTS, GOT_TS]] = 1, NOW_MS
            self.table.dirty[slot] |= UNSEEN
        if times:
            self.shown.folded([np.array(times)], NOW_MS)

    def about(self, user: str, topics: dict[str, float]) -> None:
        """So much of the engagement with somebody is for these topics, by four people on two days."""
        life_ms = self.table.model.half_lives_ms[QUARTER]
        landmark, (first, last) = NOW_MS // life_ms, ((NOW_MS - days * DAY_MS) // 1000 for days in (2, 0))
        grown = 2.0 ** (NOW_MS / life_ms - landmark)
        some = [
            Kept(name, n, weight * grown, 0.0, first, last, 4, bytes(range(8)))
            for n, (name, weight) in enumerate(topics.items())
        ]
        slot = self.table.slot(user)
        self.table.tops[slot] = write(landmark, [some, [], [], []])
        self._retold.append(slot)

    def hide(self, user: str, *topics: str) -> None:
        """These are not shown as theirs, as of now; those before are again."""
        slot = self.table.slot(user)
        said = dict.fromkeys(self.table.profiles.get(slot, NOTHING).topics, Hiding(False, NOW_MS))
        self.table.profiles[slot] = Profile(topics=said | dict.fromkeys(topics, Hiding(True, NOW_MS)))
        self._retold.append(slot)

    def publish(self) -> int:
        """An interval is cut and published under the version returned."""
        self.cut = self.versions.next()
        rows = self.table.cells[: len(self.table)]
        rows[:, SCORE], rows[:, PUBLISHED] = assess.population(self.table, NOW_MS), self.cut
        self.shown.cut(self.cut, np.array(self._retold, np.intp))
        self._retold = []
        self.view.go()
        return self.cut

    def put(self, masses: dict[str, float]) -> None:
        """Fold these, and publish."""
        self.fold(masses)
        self.publish()

    @property
    def truth(self) -> dict[str, float]:
        """Everyone's score."""
        return dict(zip(self.table.users, assess.population(self.table, NOW_MS).tolist(), strict=True))

    @property
    def pushed(self) -> int:
        """Calls that carried a batch for push."""
        return sum(one.updates is not None for one in self.shown.calls)
