"""What actors remember, as it may come from a damaged `state`."""

from __future__ import annotations

import random
from unittest import mock

import numpy as np

from streams.fold.rows import ENTRY, HEAD, PER_KIND
from streams.model import chunks
from streams.model.memory import Memory
from tests.fold.edge import Edge
from tests.fold.fuzz.broken import T0, behind, broken
from tests.fold.fuzz.packs import _PACKED
from tests.model.memories import Remembered, entries, memory_of


def is_memory(data: bytes) -> bool:
    """Counts, whole entries that agree with them, kinds there are, not too many of a kind, no longer names, no more keys."""
    if not data:
        return True
    counts, at = [0] * HEAD, HEAD
    while at < len(data):
        if at + ENTRY > len(data) or data[at + 20] >= HEAD:
            return False
        counts[data[at + 20]] += 1
        n, keys, of_object = data[at + 29] + data[at + 30] % 16 * 256, data[at + 30] >> 4 & 7, data[at + 30] >> 7
        if n > 256 or keys > 6 or of_object > keys:
            return False
        at += ENTRY + n + 4 * keys
    return at == len(data) and list(data[:HEAD]) == counts and max(counts) <= PER_KIND


def a_memory(dice: random.Random) -> bytes:
    """Of any number of entries."""
    given, n = [], dice.choice((0, 1, 2, 5, 20, 97))
    for _ in range(n):
        kind = dice.randrange(HEAD) if dice.random() < 0.8 else 0
        if n < 97 and sum(e.kind == kind for e in given) == PER_KIND:
            continue
        name = dice.randbytes(dice.choice((0, 5, 30, 255, 256, 257)) if dice.random() < 0.1 else 12)
        many = range(dice.choice((0, 0, 2, 6)))
        keys = tuple(dice.getrandbits(32) if n or dice.random() < 0.5 else 0 for n in many)
        given.append(Remembered(1.5, T0, dice.getrandbits(64), kind, dice.getrandbits(64), name, keys))
    return memory_of(given)


def memories(seed: int, n: int) -> dict[str, float]:
    """So many memories, most of them damaged: what is none is named and nothing is put; what is one is put whole."""
    dice, edge, taken = random.Random(seed), Edge(), 0
    kept = Memory()
    kept.room(8)
    with mock.patch.object(chunks, "padded", edge.padded):
        for _ in range(n):
            some = [a_memory(dice) for _ in range(dice.randint(1, 3))]
            some = [broken(dice, one, _PACKED) if dice.random() < 0.5 else one for one in some]
            slots = np.array(dice.sample(range(8), len(some)))
            before = [kept[slot] for slot in range(8)]
            edge.behind = behind(dice)
            bad = kept.put(slots, some)
            expected = next((i for i, one in enumerate(some) if not is_memory(one)), -1)
            assert bad == expected, some
            if bad < 0:
                taken += 1
                for slot, one in zip(slots.tolist(), some, strict=True):
                    before[slot] = one
                    entries(one)
            assert [kept[slot] for slot in range(8)] == before
    return {"taken": taken / max(n, 1)}
