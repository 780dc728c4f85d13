"""What actors remember, by slot. Owns the arrays of `streams.fold.memories`, which has the format, and sees to room in them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from streams.events import KINDS
from streams.fold import memories
from streams.fold.memories import FIRST_CHUNK, MOST, TOP, Memories
from streams.fold.rows import ENTRY, HEAD
from streams.fold.words import padded
from streams.model.users import Slots

assert len(KINDS) == HEAD  # noqa: S101 - a byte a kind

ROOM = 2 * MOST  #: bytes of a new arena; it doubles, then grows by steps
_STEP = 4 << 20
_ENTRY = struct.Struct("<fqQBQH")  # weight, ts, id, kind, target, length of its name


class Done(NamedTuple):
    """An action that an actor remembers."""

    ts: int  #: ms since epoch
    kind: int  #: number of the kind in KINDS
    target: int  #: see `target_key`; 0: nobody, for it was undone, an undo, or done to themselves


def done(memory: bytes) -> Iterator[Done]:
    """The actions of a memory, in the order in which they came."""
    at = HEAD
    while at < len(memory):
        _, ts, _, kind, target, length = _ENTRY.unpack_from(memory, at)
        yield Done(ts, kind, target)
        at += ENTRY + length


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


class Memory:
    """The memories of a table's users; empty for who has done nothing yet."""

    __slots__ = ("arrays",)

    def __init__(self) -> None:
        self.arrays = Memories(
            np.zeros(FIRST_CHUNK + ROOM, np.uint8),
            np.zeros(256, np.int64),
            np.zeros(256, np.int32),
            np.zeros(256, np.uint8),
            np.zeros(TOP + 1, np.int64),
        )
        self.arrays.lists[TOP] = FIRST_CHUNK

    def room(self, users: int) -> None:
        """Room for so many users in all."""
        for column in (self.arrays.at, self.arrays.size, self.arrays.sort):
            column.resize(users, refcheck=False)

    def room_for_one(self) -> Memories:
        """The arrays, with room in the arena for at least one more memory of any size."""
        arena = self.arrays.arena
        if int(self.arrays.lists[TOP]) + MOST > len(arena):
            arena.resize(len(arena) + min(max(len(arena), ROOM), _STEP), refcheck=False)
        return self.arrays

    def __getitem__(self, slot: int) -> bytes:
        at = int(self.arrays.at[slot])
        return self.arrays.arena[at : at + int(self.arrays.size[slot])].tobytes() if at else b""

    def __setitem__(self, slot: int, memory: bytes) -> None:
        self.put(np.array([slot]), [memory])

    def copied(self, slots: Slots) -> Copied:
        """The memories of these as they are now, a copy."""
        ends = np.empty(len(slots), np.int64)
        text = np.empty(int(self.arrays.size[slots].sum()) + 64, np.uint8)
        memories.copied(self.arrays, slots, ends, text)
        return Copied(text, ends)

    def put(self, slots: Slots, kept: Sequence[bytes]) -> int:
        """These are their memories now. Returns the number of the first that is no memory, then nothing is put; -1: all are."""
        ends = np.fromiter(map(len, kept), np.int64, len(kept)).cumsum()
        text, start = padded(b"".join(kept)), 0
        for i, end in enumerate(ends.tolist()):
            if not memories.sound(text, start, end):
                return i
            start = end
        done = 0
        while (done := memories.put(self.room_for_one(), slots, ends, text, done)) < len(slots):
            pass
        return -1

    @property
    def nbytes(self) -> int:
        """Bytes of the arena in use, chunks given back included."""
        return int(self.arrays.lists[TOP])


def id_key(event_id: str, kind: int) -> int:
    """What finds an event in a memory, a little-endian u64. The kind is part of it, because ids are unique per topic."""
    return _as_kept(xxh3_64_intdigest(bytes((kind,)) + event_id.encode()))


def target_key(target: str) -> int:
    """What finds a target in a memory, whatever was done to it."""
    return _as_kept(xxh3_64_intdigest(target.encode()))


def _as_kept(digest: int) -> int:
    return int.from_bytes(digest.to_bytes(8, "big"), "little")
