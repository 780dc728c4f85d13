"""A reader of what actors remember: the only code in Python that knows an entry's bytes. Kernels write them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from streams.fold.rows import ENTRY, HEAD

_ENTRY = struct.Struct(
    "<fqQBQH"
)  # weight, ts, id, kind, target, length of its name and how many keys; see `streams.fold.memories`
assert _ENTRY.size == ENTRY


class Remembered(NamedTuple):
    """One entry: what an event weighed, when it was, whom it was for (empty: no one, or undone), and what it was about."""

    weight: float
    ts: int
    id_key: int
    kind: int
    target_key: int
    target: bytes
    keys: tuple[int, ...] = ()  #: the object's, 0: none, then those of topics


def entries(memory: bytes) -> list[Remembered]:
    """All entries, oldest first. The counts before them agree, nothing is left over."""
    found, at = [], HEAD
    while at < len(memory):
        *head, both = _ENTRY.unpack_from(memory, at)
        length, many, at = both & 0xFFF, both >> 12 & 7, at + ENTRY
        keys = struct.unpack_from(f"<{many}I", memory, at + length)
        assert many or not both >> 15
        found.append(Remembered(*head, memory[at : at + length], keys if both >> 15 or not many else (0, *keys)))
        at += length + 4 * many
    assert at == len(memory) or not memory
    assert list(memory[:HEAD]) == [sum(e.kind == kind for e in found) for kind in range(HEAD if memory else 0)]
    return found


def memory_of(given: list[Remembered]) -> bytes:
    """These entries as they are kept."""
    if not given:
        return b""
    counts = bytes(sum(e.kind == kind for e in given) for kind in range(HEAD))
    return counts + b"".join(map(_as_kept, given))


def _as_kept(entry: Remembered) -> bytes:
    keys = entry.keys if any(entry.keys[:1]) else entry.keys[1:]
    flags = len(keys) << 12 | any(entry.keys[:1]) << 15
    head = _ENTRY.pack(*entry[:5], len(entry.target) | flags)
    return head + entry.target + struct.pack(f"<{len(keys)}I", *keys)
