"""A reader and a writer of what lists say of a user: the only code of the tests that knows an entry's bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

_HEAD = struct.Struct("<I3H")  # landmark, ends of the first three lists; see `streams.fold.tops`
_ENTRY = struct.Struct("<HBIffII")  # size, people, key, weight, error, first, last
OBJECTS, REGISTERED = 2, 255
MOST = (10, 8, 8, 16)  #: entries of topics, people, objects and who is forgotten


class Kept(NamedTuple):
    """One entry as its bytes say it."""

    name: str
    key: int
    weight: float = 1.0  #: grown since the landmark
    error: float = 0.0
    first: int = 0  #: s since epoch
    last: int = 0
    who: int = 0  #: how many people, or REGISTERED
    people: bytes = b""  #: their hashes or registers, unused bytes included
    kinds: tuple[int, ...] = ()  #: of an object, engagements by kind

    @property
    def hashes(self) -> set[int]:
        """16 bits of the hash of each, where they are counted."""
        return set(struct.unpack_from(f"<{self.who}H", self.people)) if self.who != REGISTERED else set()


def who_bytes(who: int) -> int:
    """Bytes of the people behind an entry."""
    return next(room for most, room in ((0, 0), (1, 2), (4, 8), (8, 16), (REGISTERED, 32)) if who <= most)


def read(kept: bytes) -> tuple[int, list[list[Kept]]]:
    """The landmark in half-lives, and all entries of the four lists. They end where they say, nothing is left over."""
    if not kept:
        return 0, [[], [], [], []]
    landmark, *ends = _HEAD.unpack_from(kept)
    at, lists = _HEAD.size, []
    for sort, end in enumerate((*ends, len(kept))):
        lists.append([])
        while at < end:
            size, who, key, *sums = _ENTRY.unpack_from(kept, at)
            start, kinds = at + _ENTRY.size, ()
            if sort == OBJECTS:
                kinds, start = struct.unpack_from("<6H", kept, start), start + 12
            people = kept[start : start + who_bytes(who)]
            name = kept[start + who_bytes(who) : at + size].decode()
            lists[-1].append(Kept(name, key, *sums, who, people, kinds))
            at += size
        assert at == end
        assert len(lists[-1]) <= MOST[sort]
        assert len({one.key for one in lists[-1]}) == len(lists[-1])
    return landmark, lists


def write(landmark: int, lists: Sequence[Sequence[Kept]]) -> bytes:
    """The same as bytes."""
    parts = [b"".join(_written(sort, one) for one in some) for sort, some in enumerate(lists)]
    ends = [_HEAD.size + sum(map(len, parts[: n + 1])) for n in range(3)]
    return _HEAD.pack(landmark, *ends) + b"".join(parts)


def _written(sort: int, one: Kept) -> bytes:
    rest = (struct.pack("<6H", *one.kinds) if sort == OBJECTS else b"") + one.people + one.name.encode()
    return _ENTRY.pack(_ENTRY.size + len(rest), one.who, one.key, *one[2:6]) + rest
