"""One partition's users as columns: who they are, what they did, what was done to them, and what was last shown of them.

A user's number (slot) indexes every column. Numbers live in one float64 matrix, a user a line; what depends on order lives
in one small `bytes` a user (memory.py). Bytes a user: 240 for the matrix, about 190 for name and dictionary, the rest memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from streams.events import KINDS
from streams.model import windows
from streams.model.users import Users
from streams.model.versions import Model
from streams.model.windows import Floats

Slots = NDArray[np.intp]

# What a user did: decayed number of actions (grown, week landmark), exact number of actions, newest event time in ms.
ACTED, ACTIONS, DID_TS = 0, 1, 2
# What was done to them: weighted engagement by kind and window (grown; SUMS + 3 kind + window), then exact counts.
SUMS = 3
ENGAGEMENTS = SUMS + 3 * len(KINDS)
ACTORS, FOLLOWERS, GOT_TS = ENGAGEMENTS + 1, ENGAGEMENTS + 2, ENGAGEMENTS + 3
# What was last published: score, daily close (0: none yet), is the fall alert on, when was it last raised (ms), version.
SCORE, CLOSE, FIRING, ALERTED_AT, PUBLISHED = GOT_TS + 1, GOT_TS + 2, GOT_TS + 3, GOT_TS + 4, GOT_TS + 5
WIDTH = PUBLISHED + 1

# bits of `dirty`: since the last cut they acted, were engaged with, moved in silence; Redis has an older record of them, or
# (with no hurry) may have lost it
DID, GOT, MOVED, UNSEEN, AGAIN = 1, 2, 4, 8, 16
_CHANGED, _OWED = DID | GOT | MOVED, UNSEEN | AGAIN
DAY, WEEK, QUARTER = 0, 1, 2  # windows

_FIRST, _STEP = 256, 16_384  # growth in fixed steps: realloc moves pages instead of copying, and nothing doubles


@dataclass(slots=True)
class Counts:
    """What became of the events of one partition since the table was opened."""

    folded: int = 0  #: effect, also an empty one, is in the rows
    rejected: int = 0
    repeats: int = 0
    strays: int = 0  #: sent on to the partition of their actor
    undone: int = 0
    undo_unknown: int = 0  #: undo of something no longer remembered, or undone before
    self_engagements: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counters by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Table:
    """The rows of one partition and the set of users changed since the last cut (`dirty`)."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.users = Users()
        self.names: list[str] = []
        self.memory: list[bytes] = []
        self.cells: Floats = np.zeros((_FIRST, WIDTH))
        self.dirty: NDArray[np.uint8] = np.zeros(_FIRST, dtype=np.uint8)
        self.landmarks: list[int] = [0, 0, 0]
        self.clock = 0  #: newest event time read here or by those who sent engagements here, ms
        self.day = 0  #: the day (since epoch; each begins when one closes) up to whose beginning closes are taken; 0: none yet
        self.closed_ms = 0  #: when the last daily close was taken for, ms; 0: none yet
        self.origin, self.published_from = "", 0  #: see `streams.formats.state.Header`
        self.counts = Counts()

    def __len__(self) -> int:
        return len(self.names)

    def add(self, user: str) -> int:
        """A slot for a user not seen before. May move `cells`: take views after adding, not before."""
        slot = self.users[user] = len(self.names)
        self.names.append(user)
        self.memory.append(b"")
        if slot >= len(self.dirty):
            self.cells.resize((slot + _STEP, WIDTH), refcheck=False)
            self.dirty.resize(slot + _STEP, refcheck=False)
        return slot

    def slot(self, user: str) -> int:
        """The slot of a user, new if need be."""
        found = self.users.get(user)
        return self.add(user) if found is None else found

    def slots(self, users: Sequence[str]) -> Slots:
        """The slots (n,) of these users, new if need be. May move `cells`, as `add` does."""
        found = self.users.find(users)
        if None in found:
            found = [self.slot(user) if slot is None else slot for user, slot in zip(users, found, strict=True)]
        return np.array(found, dtype=np.intp)

    def advance(self, newest_ms: int) -> None:
        """Tell the table the newest event time before it is folded: moves the clock, and landmarks left far behind."""
        if newest_ms <= self.clock:
            return
        first = self.clock == 0
        self.clock = newest_ms
        for window, half_life_ms in enumerate(self.model.half_lives_ms):
            wanted = windows.landmark(newest_ms, half_life_ms)
            steps = (wanted - self.landmarks[window]) // half_life_ms
            if first:
                self.landmarks[window] = wanted
            elif steps > windows.FARTHEST:
                self.landmarks[window] = wanted
                self._shrink(window, steps)

    def _shrink(self, window: int, halvings: int) -> None:
        """Divide the sums of a window by 2^halvings: exact, in place, a quarter of a second for five million users."""
        columns = [SUMS + 3 * kind + window for kind in range(len(KINDS))] + ([ACTED] if window == WEEK else [])
        for column in columns:
            np.ldexp(self.cells[:, column], -halvings, out=self.cells[:, column])

    def decays(self, now_ms: int) -> Floats:
        """What the three windows' sums are multiplied by to be read at `now_ms`; shape (3,)."""
        lives = self.model.half_lives_ms
        return np.array([windows.decay(now_ms, at, life) for at, life in zip(self.landmarks, lives, strict=True)])

    def owed(self, again: int) -> tuple[Slots, bool]:
        """Slots of which Redis has an older record, ascending: all that are UNSEEN, and the first `again` that are AGAIN.

        Says also whether those are all that are AGAIN. The marks stay: see `paid`.
        """
        marks = self.dirty[: len(self.names)]
        slots = np.flatnonzero(marks & _OWED)
        old = np.flatnonzero((marks[slots] & _OWED) == AGAIN)
        return np.delete(slots, old[again:]), len(old) <= again

    def paid(self, slots: Slots) -> None:
        """Redis gets these users as they are now."""
        self.dirty[slots] &= np.uint8(_CHANGED)

    def changed(self) -> tuple[Slots, NDArray[np.uint8]]:
        """Slots touched since the last cut, ascending, and how (bits DID, GOT, MOVED); clears these marks.

        Redis has an older record of whoever acted or moved; who was engaged with was marked for it then.
        """
        marks = self.dirty[: len(self.names)]
        slots = np.flatnonzero(marks & _CHANGED)
        touched = marks[slots]
        owed = touched & np.uint8(_OWED)
        marks[slots] = np.where(touched & (DID | MOVED), owed | UNSEEN, owed)
        return slots, touched & np.uint8(_CHANGED)
