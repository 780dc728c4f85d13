"""What an actor remembers of its latest actions: one `bytes` that serves repeats, novelty and undo.

Six bytes count the entries of each kind, then come the entries, oldest first:
    weight f32 | ts i64 | hash of the event id 8 B | kind u8 | length of the target u16 | target (id without network)
The order of the fields makes three questions a plain search: hash + kind (seen before?), length + target (how often this
target?), kind + length + target (followed before?). An undone entry keeps its hash and loses weight and target.

At most `PER_KIND` entries a kind are kept, so what is forgotten depends on the order within one topic only, never on how
topics were interleaved.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from xxhash import xxh3_64_digest

from streams.events import KINDS

PER_KIND = 24
EMPTY = bytes(len(KINDS))
HEAD = len(KINDS)

_ENTRY = struct.Struct("<fq8sBH")
_KIND_AT = 20  # offset of the kind in an entry; the needle that finds an id starts 8 bytes before
_HASH_AT = 12
entry = _ENTRY.pack
SIZE = _ENTRY.size
BYTE = [bytes((n,)) for n in range(256)]


class Remembered(NamedTuple):
    """One entry: what an event weighed, when it was, whom it was for (empty: no one, or undone)."""

    start: int
    weight: float
    ts: int
    kind: int
    target: bytes


def id_key(event_id: str, kind: int) -> bytes:
    """What finds an event in a memory: 8 bytes of hash and the kind, because ids are unique per topic."""
    return xxh3_64_digest(event_id.encode()) + BYTE[kind]


def target_key(target: bytes) -> bytes:
    """What finds a target in a memory, whatever was done to it."""
    return len(target).to_bytes(2, "little") + target


def remember(memory: bytes, kind: int, new: bytes) -> bytes:
    """The memory with one more entry of `kind`, the oldest of that kind forgotten when there are `PER_KIND`."""
    memory = memory or EMPTY
    count = memory[kind]
    if count < PER_KIND:
        return b"".join((memory[:kind], BYTE[count + 1], memory[kind + 1 :], new))
    at = HEAD
    while memory[at + _KIND_AT] != kind:
        at += SIZE + int.from_bytes(memory[at + _KIND_AT + 1 : at + SIZE], "little")
    after = at + SIZE + int.from_bytes(memory[at + _KIND_AT + 1 : at + SIZE], "little")
    return b"".join((memory[:at], memory[after:], new))


def find(memory: bytes, key: bytes) -> Remembered | None:
    """The entry of an event id (`id_key`), undone ones too; None if it is not remembered."""
    at = memory.find(key, HEAD)
    if at < 0:
        return None
    start = at - _HASH_AT
    weight, ts, _, kind, length = _ENTRY.unpack_from(memory, start)
    return Remembered(start, weight, ts, kind, memory[start + SIZE : start + SIZE + length])


def undone(memory: bytes, found: Remembered) -> bytes:
    """The memory with that entry emptied: its id is still known, its weight and target are gone."""
    start, after = found.start, found.start + SIZE + len(found.target)
    hashed = memory[start + _HASH_AT : start + _KIND_AT]
    return b"".join((memory[:start], entry(0.0, found.ts, hashed, found.kind, 0), memory[after:]))


def entries(memory: bytes) -> list[Remembered]:
    """All entries, oldest first."""
    found, at = [], HEAD
    while at < len(memory):
        weight, ts, _, kind, length = _ENTRY.unpack_from(memory, at)
        found.append(Remembered(at, weight, ts, kind, memory[at + SIZE : at + SIZE + length]))
        at += SIZE + length
    return found
