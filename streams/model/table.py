"""One partition's users as columns: who they are, what they did, what was done to them, and what was last shown of them.

A user's number (slot) indexes every column. Numbers live in one float64 matrix, a user a line; names (users.py) and what
depends on order (memory.py) in arrays of bytes. This is the seam to `streams.fold`: kernels read and fill these arrays, and
cannot make room in them. Bytes a user who did one thing in a month: 232 for the matrix, 31 for the name and its place, 47 for what
they remember (memory.py), 13 for who engaged with them (people.py), 53 for their lists (tops.py), 64 for their days (days.py), and
4 for hours: see `tests/bench/README.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from streams.events import KINDS
from streams.fold import marks
from streams.fold.rows import ACTED, CHANGED, MORE, QUARTER, SUMS, WEEK, WIDTH
from streams.model import windows
from streams.model.days import Days
from streams.model.episodes import Episodes
from streams.model.extras import Extras
from streams.model.hours import Hours
from streams.model.inforce import InForce, Models
from streams.model.lines import Lines
from streams.model.memory import Memory
from streams.model.people import People
from streams.model.profiles import NOTHING, Profile
from streams.model.tops import Tops
from streams.model.users import Slots, Users
from streams.model.versions import Model
from streams.model.windows import Floats

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

    def add(self, counted: NDArray[np.int64]) -> None:
        """What a kernel has counted, in the order of the fields."""
        for field, more in zip(fields(self), counted.tolist(), strict=True):
            setattr(self, field.name, getattr(self, field.name) + more)

    def as_dict(self) -> dict[str, int]:
        """The counters by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Table:
    """The rows of one partition and the set of users changed since the last cut (`dirty`)."""

    def __init__(self, model: Model) -> None:
        self.model, self.constants = model, model.constants
        self.models: Models = (InForce(model.name, 0),)  #: those in force, the oldest first
        self.users = Users()
        self.memory, self.people, self.days, self.hours, self.tops = Memory(), People(), Days(), Hours(), Tops()
        self.extras, self.episodes = Extras(model), Episodes()
        self.lines = Lines(self.extras.code)
        self.profiles: dict[int, Profile] = {}  #: by slot, of whom there are controls
        self.leavers: set[int] = (
            set()
        )  #: slots of accounts that have left a person who is to be told of them, see `Profile.left`
        self.cells: Floats = np.zeros((_FIRST, WIDTH))
        self.dirty: NDArray[np.uint8] = np.zeros(_FIRST, dtype=np.uint8)
        self._found: Slots = np.empty(0, np.intp)
        self.landmarks: list[int] = [0, 0, 0]
        self.clock = 0  #: newest event time read here or by those who sent engagements here, ms
        self.origin, self.published_from = "", 0  #: see `streams.formats.state.Header`
        self.counts = Counts()

    def __len__(self) -> int:
        return len(self.users)

    def room(self, more: int, text_bytes: int) -> None:
        """Room for so many more users whose names have so many bytes together. May move arrays: take views afterwards."""
        self.users.room(more, text_bytes)
        wanted = len(self.users) + more
        if wanted > len(self.dirty):
            rows = wanted + _STEP
            self.cells.resize((rows, WIDTH), refcheck=False)
            self.dirty.resize(rows, refcheck=False)
            self.memory.room(rows)
            self.people.room(rows)
            self.tops.room(rows)
            self.days.room(rows)
            self.hours.room(rows)

    def slots(self, users: Sequence[str]) -> Slots:
        """The slots (n,) of these users, new if need be. May move arrays, as `room` does."""
        self.room(len(users), sum(map(len, users)) * 4)
        return self.users.find(users, adding=True)

    def added(self, text: NDArray[np.uint8], ends: NDArray[np.int64]) -> Slots:
        """The same of names that lie one behind another in `text`, with spare bytes behind."""
        self.room(len(ends), int(ends[-1]) if len(ends) else 0)
        return self.users.added(text, ends)

    def slot(self, user: str) -> int:
        """The slot of a user, new if need be."""
        return int(self.slots([user])[0])

    def advance(self, newest_ms: int) -> None:
        """Tell the table the newest event time before it is folded: moves the clock, the day, and landmarks left far behind."""
        if newest_ms <= self.clock:
            return
        first = self.clock == 0
        self.clock = newest_ms
        self.hours.begin(newest_ms)
        self.days.begin(newest_ms)  # it may be ahead of the clock: then the day begins with it
        for window, half_life_ms in enumerate(self.model.half_lives_ms):
            wanted = windows.landmark(newest_ms, half_life_ms)
            steps = (wanted - self.landmarks[window]) // half_life_ms
            if first:
                self.landmarks[window] = wanted
            elif steps > windows.FARTHEST:
                self.landmarks[window] = wanted
                self._shrink(window, steps)

    def all_landmarks(self) -> NDArray[np.int64]:
        """(4,) ms: those of the windows, and that of lists (LISTS), where 32 bits have no room for sums of long ago."""
        return np.array([*self.landmarks, windows.landmark(self.clock, self.model.half_lives_ms[QUARTER])])

    def _shrink(self, window: int, halvings: int) -> None:
        """Divide the sums of a window by 2^halvings: exact, in place, a quarter of a second for five million users."""
        columns = [SUMS + 3 * kind + window for kind in range(len(KINDS))] + ([ACTED] if window == WEEK else [])
        for column in columns:
            np.ldexp(self.cells[:, column], -halvings, out=self.cells[:, column])
        self.extras.shrink(window, halvings)
        self.days.shrink(window, halvings)
        self.hours.shrink(window, halvings)

    def decays(self, now_ms: int) -> Floats:
        """What the three windows' sums are multiplied by to be read at `now_ms`, and that moment; shape (4,)."""
        lives = self.model.half_lives_ms
        decays = [windows.decay(now_ms, at, life) for at, life in zip(self.landmarks, lives, strict=True)]
        return np.array([*decays, float(now_ms)])

    @property
    def steps(self) -> NDArray[np.int64]:
        """The landmarks as numbers of half-lives since the epoch; shape (3,)."""
        lives = self.model.half_lives_ms
        return np.array([at // life for at, life in zip(self.landmarks, lives, strict=True)])

    def linked(self, slots: Slots) -> NDArray[np.bool_]:
        """Which of these, (n,), are accounts of a person now."""
        return self.extras.linked(self.cells[slots, MORE])

    def hiders(self, slots: Iterable[int]) -> Slots:
        """Those of these, ascending, of whom controls have said which topics are hidden or shown again."""
        return np.array(sorted(slot for slot in slots if self.profiles.get(slot, NOTHING).topics), np.intp)

    def owed(self, again: int) -> tuple[Slots, bool]:
        """Slots of which Redis has an older record, ascending: all that are UNSEEN, and the first `again` that are AGAIN.

        Says also whether those are all that are AGAIN. The marks stay: see `paid`.
        """
        n, whole = marks.owed(self.dirty, len(self), again, self._slots())
        return self._found[:n].copy(), bool(whole)

    def paid(self, slots: Slots) -> None:
        """Redis gets these users as they are now."""
        self.dirty[slots] &= np.uint8(CHANGED)

    def changed(self) -> tuple[Slots, NDArray[np.uint8]]:
        """Slots touched since the last cut, ascending, and how (bits DID, GOT, MOVED, MET, TIED); clears these marks.

        Redis has an older record of whoever acted or moved; who was engaged with was marked for it then.
        """
        touched = np.empty(len(self), np.uint8)
        n = marks.changed(self.dirty, len(self), self._slots(), touched)
        return self._found[:n].copy(), touched[:n].copy()

    def _slots(self) -> Slots:
        """Room for everyone's slot."""
        if len(self._found) < len(self):
            self._found = np.empty(len(self.dirty), np.intp)
        return self._found
