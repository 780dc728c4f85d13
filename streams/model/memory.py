"""What actors remember, by slot: `streams.fold.memories` has the format."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from streams.events import KINDS
from streams.fold import memories
from streams.fold.memories import KEYS, KEYS_BIT, NAME
from streams.fold.rows import ENTRY, HEAD
from streams.model.chunks import Chunks
from streams.model.users import Slots

assert len(KINDS) == HEAD  # noqa: S101 - a byte a kind

_ENTRY = struct.Struct("<fqQBQH")  # weight, ts, id, kind, target, length of its name and number of its keys


class Done(NamedTuple):
    """An action that an actor remembers."""

    weight: float  #: as it was
    ts: int  #: ms since epoch
    kind: int  #: number of the kind in KINDS
    target: int  #: see `target_key`; 0: nobody, for it was undone, an undo, or done to themselves
    name: bytes  #: of the target, without the network


def done(memory: bytes) -> Iterator[Done]:
    """The actions of a memory, in the order in which they came."""
    at = HEAD
    while at < len(memory):
        weight, ts, _, kind, target, both = _ENTRY.unpack_from(memory, at)
        at += ENTRY
        n = both & NAME
        yield Done(weight, ts, kind, target, memory[at : at + n])
        at += n + 4 * (both >> KEYS_BIT & KEYS)


class Memory(Chunks):
    """The memories of a table's users; empty for who has done nothing yet."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(memories.sound, HEAD)

    def _copy(self, slots: Slots, ends: NDArray[np.int64], text: NDArray[np.uint8]) -> None:
        memories.copied(self.arrays, slots, ends, text)


def id_key(event_id: str, kind: int) -> int:
    """What finds an event in a memory, a little-endian u64. The kind is part of it, because ids are unique per topic."""
    return _as_kept(xxh3_64_intdigest(bytes((kind,)) + event_id.encode()))


def target_key(target: str) -> int:
    """What finds a target in a memory, whatever was done to it."""
    return _as_kept(xxh3_64_intdigest(target.encode()))


def _as_kept(digest: int) -> int:
    return int.from_bytes(digest.to_bytes(8, "big"), "little")
