"""Bytes by slot. Owns the arrays of `streams.fold.chunks`, and sees to room in them; what the bytes mean others know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import chunks
from streams.fold.chunks import FIRST_CHUNK, MOST, TOP
from streams.fold.words import padded
from streams.model.users import Slots

ROOM = 2 * MOST  #: bytes of a new arena; it doubles, then grows by steps
_STEP = 4 << 20


class Copied(NamedTuple):
    """What n users have of something, one behind another; number i ends at ends[i]."""

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def between(self, first: int, count: int) -> int:
        """Bytes of so many from number `first` on."""
        return int(self.ends[first + count - 1] - (self.ends[first - 1] if first else 0)) if count else 0

    def each(self) -> Iterator[bytes]:
        """One after another."""
        start = 0
        for end in self.ends.tolist():
            yield self.text[start:end].tobytes()
            start = end


class Chunks:
    """What a table's users have of one sort; empty for who has nothing yet. `sound` says whether bytes are of that sort.

    Their first `head` bytes, which follow from the rest, are not kept: `copied` writes them anew.
    """

    __slots__ = ("_head", "_sound", "arrays")

    def __init__(self, sound: Callable[..., bool], head: int = 0) -> None:
        self._sound, self._head = sound, head
        self.arrays = chunks.Chunks(
            np.zeros(FIRST_CHUNK + ROOM, np.uint8),
            np.zeros(256, np.uint32),
            np.zeros(256, np.uint16),
            np.zeros(256, np.uint8),
            np.zeros(TOP + 1, np.int64),
        )
        self.arrays.lists[TOP] = FIRST_CHUNK

    def room(self, users: int) -> None:
        """Room for so many users in all."""
        for column in (self.arrays.at, self.arrays.size, self.arrays.sort):
            column.resize(users, refcheck=False)

    def room_for_one(self) -> chunks.Chunks:
        """The arrays, with room in the arena for at least one more chunk of any size."""
        arena = self.arrays.arena
        if int(self.arrays.lists[TOP]) + MOST > len(arena):
            arena.resize(len(arena) + min(max(len(arena), ROOM), _STEP), refcheck=False)
        return self.arrays

    def __getitem__(self, slot: int) -> bytes:
        return next(self.copied(np.array([slot])).each())

    def __setitem__(self, slot: int, own: bytes) -> None:
        self.put(np.array([slot]), [own])

    def copied(self, slots: Slots) -> Copied:
        """What these have now, a copy."""
        ends = np.empty(len(slots), np.int64)
        text = np.empty(int(self.arrays.size[slots].sum()) + self._head * len(slots) + 64, np.uint8)
        self._copy(slots, ends, text)
        return Copied(text, ends)

    def _copy(self, slots: Slots, ends: NDArray[np.int64], text: NDArray[np.uint8]) -> None:
        """These, one behind another, into `text`."""
        chunks.copied(self.arrays, slots, ends, text)

    def put(self, slots: Slots, kept: Sequence[bytes]) -> int:
        """This is what they have now. Returns the number of the first that is of another sort, then nothing is put; -1: all are."""
        ends = np.fromiter(map(len, kept), np.int64, len(kept)).cumsum()
        text, start = padded(b"".join(kept)), 0
        for i, end in enumerate(ends.tolist()):
            if not self._sound(text, start, end):
                return i
            start = end
        done = 0
        while (done := chunks.put(self.room_for_one(), slots, ends, text, self._head, done)) < len(slots):
            pass
        return -1

    @property
    def nbytes(self) -> int:
        """Bytes of the arena in use, chunks given back included."""
        return int(self.arrays.lists[TOP])
