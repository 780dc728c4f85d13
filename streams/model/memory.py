"""What actors remember, by slot: `streams.fold.memories` has the format."""

from __future__ import annotations

from xxhash import xxh3_64_intdigest

from streams.events import KINDS
from streams.fold import memories
from streams.fold.rows import HEAD
from streams.model.chunks import Chunks

assert len(KINDS) == HEAD  # noqa: S101 - a byte a kind


class Memory(Chunks):
    """The memories of a table's users; empty for who has done nothing yet."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(memories.sound)


def id_key(event_id: str, kind: int) -> int:
    """What finds an event in a memory, a little-endian u64. The kind is part of it, because ids are unique per topic."""
    return _as_kept(xxh3_64_intdigest(bytes((kind,)) + event_id.encode()))


def target_key(target: str) -> int:
    """What finds a target in a memory, whatever was done to it."""
    return _as_kept(xxh3_64_intdigest(target.encode()))


def _as_kept(digest: int) -> int:
    return int.from_bytes(digest.to_bytes(8, "big"), "little")
