"""Hashes in kernels are those of the libraries, for every length."""

from __future__ import annotations

import numpy as np
import pytest
from xxhash import xxh3_64_intdigest

from streams.fold.compiled import kernel
from streams.fold.hashing import MOST, name_key, partition_of, xxh3
from streams.partitioner import partition_of as kafkas
from tests.fold.edge import Edge

SEEDS = [0, 1, 2**31, 2**32, 2**63, 2**64 - 1, 0x9E3779B185EBCA87]


@kernel
def _hashes(a, at, lengths, seed, partitions, out):  # one call for many: kernels take longer to be called than to run
    for i in range(len(lengths)):
        n = lengths[i]
        out[i, 0] = xxh3(a, at, min(n, MOST), seed)
        out[i, 1] = name_key(a, at, n, seed)
        out[i, 2] = np.uint64(partition_of(a, at, n, partitions))


def hashes(text: bytes, lengths: range, seed: int, partitions: int = 7, at: int = 0) -> list[list[int]]:
    """xxh3, the key of a name, and the partition, of so many bytes from `at` on."""
    out = np.zeros((len(lengths), 3), np.uint64)
    _hashes(Edge(2).hold(text), at, np.array(lengths), np.uint64(seed), partitions, out)
    found: list[list[int]] = out.tolist()
    return found


def texts() -> list[bytes]:
    """Random bytes, and those at the ends of the range."""
    dice = np.random.default_rng(1)
    return [dice.bytes(400), bytes(400), b"\xff" * 400, bytes(range(256)) + bytes(range(144))]


def dice_rolled(n: int) -> bytes:
    """Other random bytes."""
    return np.random.default_rng(2).bytes(n)


@pytest.mark.parametrize("seed", SEEDS)
def test_xxh3(seed: int) -> None:
    """Every length up to 240, wherever the bytes lie."""
    for at, text in enumerate(texts()):
        found = [row[0] for row in hashes(text, range(MOST + 1), seed, at=at)]
        assert found == [xxh3_64_intdigest(text[at : at + n], seed) for n in range(MOST + 1)]


def test_only_the_text_counts() -> None:
    """What lies behind it changes no hash."""
    for n in range(1, MOST + 80):
        (one,), (other,) = (hashes(b"x" * n + rest, range(n, n + 1), 5) for rest in (b"", b"yyyyyyyyy"))
        assert one == other


@pytest.mark.parametrize("seed", SEEDS)
def test_keys_of_names(seed: int) -> None:
    """Up to 240 bytes they are XXH3; beyond, each byte, each piece and its place counts."""
    text = texts()[0]
    keys = [row[1] for row in hashes(text, range(401), seed)]
    assert keys[: MOST + 1] == [xxh3_64_intdigest(text[:n], seed) for n in range(MOST + 1)]
    assert len(set(keys)) == len(keys)
    changed = set()
    for at in range(321):
        other = bytearray(text)
        other[at] ^= 1
        changed.add(hashes(bytes(other), range(321, 322), seed)[0][1])
    assert len(changed | {keys[321]}) == 322
    one, other = dice_rolled(MOST), text[:MOST]
    (first,), (second,) = (hashes(both, range(2 * MOST, 2 * MOST + 1), seed) for both in (one + other, other + one))
    assert first[1] != second[1]


@pytest.mark.parametrize("partitions", [1, 2, 7, 32, 1000])
def test_partitions(partitions: int) -> None:
    """Kafka's murmur2, as the client's library has it, for every length of a key."""
    for text in texts():
        found = [row[2] for row in hashes(text, range(330), 0, partitions)]
        assert found == [kafkas(text[:n], partitions) for n in range(330)]
