"""A reader of what actors remember: the only code in Python that knows an entry's bytes. Kernels write them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from streams.fold.rows import ENTRY, HEAD

_ENTRY = struct.Struct("<fqQBQH")  # weight, ts, id, kind, target, length of its name; see `streams.fold.memories`
assert _ENTRY.size == ENTRY


class Remembered(NamedTuple):
    """One entry: what an event weighed, when it was, whom it was for (empty: no one, or undone)."""

    weight: float
    ts: int
    id_key: int
    kind: int
    target_key: int
    target: bytes


def entries(memory: bytes) -> list[Remembered]:
    """All entries, oldest first. The counts before them agree, nothing is left over."""
    found, at = [], HEAD
    while at < len(memory):
        *head, length = _ENTRY.unpack_from(memory, at)
        at += ENTRY
        found.append(Remembered(*head, memory[at : at + length]))
        at += length
    assert at == len(memory) or not memory
    assert list(memory[:HEAD]) == [sum(e.kind == kind for e in found) for kind in range(HEAD if memory else 0)]
    return found


def memory_of(given: list[Remembered]) -> bytes:
    """These entries as they are kept."""
    if not given:
        return b""
    counts = bytes(sum(e.kind == kind for e in given) for kind in range(HEAD))
    return counts + b"".join(_ENTRY.pack(*e[:5], len(e.target)) + e.target for e in given)
