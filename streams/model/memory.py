"""What an actor remembers of its latest actions: one `bytes` that serves repeats, novelty and undo.

One byte a kind counts its entries, then come the entries, oldest first:
    weight f32 | ts i64 | hash of kind and event id 8 B | kind u8 | hash of the target 8 B | length u16 | target (id, UTF-8)
Three questions are one search for random bytes each, which skips most of the bytes: the id's hash (seen
before?), the target's hash (how often this target?), kind and target's hash (followed before?). An undone entry keeps the
hash of its id and loses weight and target.

    | 6 counts | entry | entry | ...            oldest first
               | weight | ts | id | kind | target | length | name of the target |
                 4        8    8    1      8        2        length               bytes

>>> likes, bob = 0, b"bob"
>>> new = entry(0.5, 1_767_225_600_000, id_key("e1", likes), likes, target_key(bob), bob)
>>> memory = remember(b"", likes, new)
>>> memory.count(target_key(bob)), find(memory, id_key("e1", likes)).weight
(1, 0.5)
>>> memory = undone(memory, find(memory, id_key("e1", likes)))
>>> memory.count(target_key(bob)), find(memory, id_key("e1", likes)).target  # the id is still known
(0, b'')

At most `PER_KIND` entries a kind are kept, so what is forgotten depends on the order within one topic only, never on how
topics were interleaved.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from xxhash import xxh3_64_digest

from streams.events import KINDS

PER_KIND = 16
HEAD = len(KINDS)
EMPTY = bytes(HEAD)
NOBODY = bytes(8)  # the target's hash in entries without a target

ENTRY = struct.Struct("<fq8sB8sH")
SIZE = ENTRY.size
_ID_AT, _KIND_AT, _LENGTH_AT = 12, 20, 29
BYTE = [bytes((n,)) for n in range(256)]


class Remembered(NamedTuple):
    """One entry: what an event weighed, when it was, whom it was for (empty: no one, or undone)."""

    start: int
    weight: float
    ts: int
    id_key: bytes
    kind: int
    target_key: bytes
    target: bytes


def id_key(event_id: str, kind: int) -> bytes:
    """What finds an event in a memory. The kind is part of it, because ids are unique per topic."""
    return xxh3_64_digest(BYTE[kind] + event_id.encode())


def id_keys(event_ids: Sequence[str], kinds: Sequence[int]) -> list[bytes]:
    """`id_key` of each."""
    return [xxh3_64_digest(BYTE[kind] + event_id.encode()) for event_id, kind in zip(event_ids, kinds, strict=True)]


def target_key(target: bytes) -> bytes:
    """What finds a target in a memory, whatever was done to it."""
    return xxh3_64_digest(target)


def target_keys(targets: Sequence[bytes]) -> list[bytes]:
    """`target_key` of each."""
    return list(map(xxh3_64_digest, targets))


def entry(weight: float, ts: int, id_key: bytes, kind: int, target_key: bytes = NOBODY, target: bytes = b"") -> bytes:
    """One entry as it is kept."""
    return ENTRY.pack(weight, ts, id_key, kind, target_key, len(target)) + target


def remember(memory: bytes, kind: int, new: bytes) -> bytes:
    """The memory with one more entry of `kind`, the oldest of that kind forgotten when there are `PER_KIND`."""
    if not memory:
        return EMPTY[:kind] + BYTE[1] + EMPTY[kind + 1 :] + new
    count = memory[kind]
    if count < PER_KIND:
        return b"".join((memory[:kind], BYTE[count + 1], memory[kind + 1 :], new))
    at = HEAD
    while memory[at + _KIND_AT] != kind:
        at = _after(memory, at)
    return b"".join((memory[:at], memory[_after(memory, at) :], new))


def find(memory: bytes, key: bytes) -> Remembered | None:
    """The entry of an event id (`id_key`), undone ones too; None if it is not remembered.

    Walks from entry to entry: the bytes of a target's name are chosen by strangers and may look like anything.
    """
    if memory.find(key) < 0:
        return None
    return next((found for found in entries(memory) if found.id_key == key), None)


def undone(memory: bytes, found: Remembered) -> bytes:
    """The memory with that entry emptied: its id is still known, its weight and target are gone."""
    emptied = entry(0.0, found.ts, found.id_key, found.kind)
    return b"".join((memory[: found.start], emptied, memory[_after(memory, found.start) :]))


def entries(memory: bytes) -> list[Remembered]:
    """All entries, oldest first."""
    found, at = [], HEAD
    while at < len(memory):
        weight, ts, key, kind, target_hash, length = ENTRY.unpack_from(memory, at)
        found.append(Remembered(at, weight, ts, key, kind, target_hash, memory[at + SIZE : at + SIZE + length]))
        at += SIZE + length
    return found


def _after(memory: bytes, at: int) -> int:
    """Where the entry after the one at `at` starts."""
    return at + SIZE + memory[at + _LENGTH_AT] + 256 * memory[at + _LENGTH_AT + 1]
