"""Who ever engaged with whom, by slot. Owns the arrays of `streams.fold.people`, which has the format, and sees to room in them."""

from __future__ import annotations

import numpy as np

from streams.fold import people
from streams.fold.people import MOST_CHUNK, SORTS, UNIT
from streams.model.chunks import Copied
from streams.model.users import Slots

ROOM = 4 * MOST_CHUNK  #: bytes of a new arena; it doubles, then grows by steps
_STEP = 4 << 20


class People:
    """The sketches of a table's users; empty for who got nothing yet."""

    __slots__ = ("arrays",)

    def __init__(self) -> None:
        self.arrays = people.People(
            np.zeros(ROOM, np.uint8), np.zeros(256, np.int32), np.zeros(256, np.uint8), np.zeros(SORTS + 1, np.int64)
        )
        self.arrays.lists[SORTS] = 1  # 0 is no chunk

    def room(self, users: int) -> None:
        """Room for so many users in all."""
        self.arrays.at.resize(users, refcheck=False)
        self.arrays.known.resize(users, refcheck=False)

    def room_for_one(self) -> people.People:
        """The arrays, with room in the arena for at least one more sketch of any size."""
        return self.room_for(MOST_CHUNK)

    def room_for(self, more: int) -> people.People:
        """The arrays, with room in the arena for so many bytes."""
        arena = self.arrays.arena
        if self.nbytes + more > len(arena):
            arena.resize(len(arena) + min(max(len(arena), ROOM), _STEP), refcheck=False)
        return self.arrays

    def copied(self, slots: Slots) -> Copied:
        """The sketches of these as they are now, a copy."""
        counts = self.arrays.known[slots]
        sizes = np.where(counts == people.REGISTERED, people.MOST, 1 + 8 * counts.astype(np.int64))
        ends, text = np.empty(len(slots), np.int64), np.empty(int(sizes.sum()) + 64, np.uint8)
        people.copied(self.arrays, slots, ends, text)
        return Copied(text, ends)

    def __getitem__(self, slot: int) -> bytes:
        """The sketch of a slot as it is kept."""
        return next(self.copied(np.array([slot])).each())

    @property
    def nbytes(self) -> int:
        """Bytes of the arena in use, chunks given back included."""
        return int(self.arrays.lists[SORTS]) * UNIT
