"""Hashes: XXH3 (64 bits) of up to 240 bytes, which finds ids, targets and names, and Kafka's murmur2, which finds partitions.

XXH3 by its specification (xxHash 0.8); `xxhash.xxh3_64_intdigest(data, seed)` gives the same.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.words import load_u32, load_u64, product_folded, swapped

MOST = 240  #: bytes that `xxh3` takes; what is longer, Python hashes
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6"
    "813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931"
    "c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f"
    "95160428afd7fbcabb4b407e"
)
_U = np.uint64


def _secret(at: int) -> np.uint64:
    return _U(int.from_bytes(_SECRET[at : at + 8], "little"))


_SECRETS = np.frombuffer(_SECRET + bytes(8), np.uint8)
_LAST = 136 - 17
_SHORT = _U(int.from_bytes(_SECRET[:4], "little") ^ int.from_bytes(_SECRET[4:8], "little"))
_MIDDLE, _LONG_1, _LONG_2 = _secret(8) ^ _secret(16), _secret(24) ^ _secret(32), _secret(40) ^ _secret(48)
_NONE = _secret(56) ^ _secret(64)
_PRIME_1, _PRIME_2, _PRIME_3 = _U(0x9E3779B185EBCA87), _U(0xC2B2AE3D27D4EB4F), _U(0x165667B19E3779F9)
_MIX_1, _MIX_2 = _U(0x165667919E3779F9), _U(0x9FB21C651E98DF25)
_LOW = _U(0xFFFFFFFF)


@kernel
def _mixed(a, at, secret, seed):
    """16 bytes, with those of the secret."""
    first, second = load_u64(_SECRETS, secret) + seed, load_u64(_SECRETS, secret + 8) - seed
    return product_folded(load_u64(a, at) ^ first, load_u64(a, at + 8) ^ second)


@kernel
def _avalanche(h):
    h = (h ^ (h >> _U(37))) * _MIX_1
    return h ^ (h >> _U(32))


@kernel
def _avalanche_64(h):
    h = (h ^ (h >> _U(33))) * _PRIME_2
    h = (h ^ (h >> _U(29))) * _PRIME_3
    return h ^ (h >> _U(32))


@kernel
def _up_to_16(a, at, n, seed):
    size = _U(n)
    if n > 8:
        low, high = load_u64(a, at) ^ (_LONG_1 + seed), load_u64(a, at + n - 8) ^ (_LONG_2 - seed)
        return _avalanche(size + swapped(low) + high + product_folded(low, high))
    if n >= 4:
        seed ^= swapped(seed & _LOW)  # its low half, bytes swapped, as the high half
        h = (_U(load_u32(a, at + n - 4)) + (_U(load_u32(a, at)) << _U(32))) ^ (_MIDDLE - seed)
        h ^= ((h << _U(49)) | (h >> _U(15))) ^ ((h << _U(24)) | (h >> _U(40)))
        h *= _MIX_2
        h ^= (h >> _U(35)) + size
        h *= _MIX_2
        return h ^ (h >> _U(28))
    if n > 0:
        h = (_U(a[at]) << _U(16)) | (_U(a[at + (n >> 1)]) << _U(24)) | _U(a[at + n - 1]) | (size << _U(8))
        return _avalanche_64(h ^ (_SHORT + seed))
    return _avalanche_64(seed ^ _NONE)


@kernel
def xxh3(a, at, n, seed):
    """The hash of the `n` bytes at `at`, at most MOST. Seed 0 is the plain one."""
    if n <= 16:
        return _up_to_16(a, at, n, seed)
    h = _U(n) * _PRIME_1
    if n <= 128:
        for i in range((n + 31) // 32):
            h += _mixed(a, at + 16 * i, 32 * i, seed) + _mixed(a, at + n - 16 * i - 16, 32 * i + 16, seed)
        return _avalanche(h)
    for i in range(8):
        h += _mixed(a, at + 16 * i, 16 * i, seed)
    h = _avalanche(h)
    for i in range(n // 16 - 8):
        h += _mixed(a, at + 128 + 16 * i, 3 + 16 * i, seed)
    return _avalanche(h + _mixed(a, at + n - 16, _LAST, seed))


@kernel
def name_key(a, at, n, seed):
    """The hash of a name of any length. The seed keeps strangers from choosing names that fall together."""
    h = xxh3(a, at, min(n, MOST), seed)
    for start in range(MOST, n, MOST):
        h = _avalanche(h + xxh3(a, at + start, min(n - start, MOST), seed ^ _PRIME_3))
    return h


_TIMES, _START = _U(0x5BD1E995), _U(0x9747B28C)


@kernel
def partition_of(a, at, n, partitions):
    """The partition of a key of `n` bytes: Kafka's murmur2, positive, modulo their number."""
    h = _START ^ _U(n)
    whole = n & ~3
    for i in range(at, at + whole, 4):
        k = (_U(load_u32(a, i)) * _TIMES) & _LOW
        k = ((k ^ (k >> _U(24))) * _TIMES) & _LOW
        h = ((h * _TIMES) & _LOW) ^ k
    rest = n & 3
    if rest:
        tail = load_u32(a, at + whole) & np.uint32((1 << (8 * rest)) - 1)
        h = ((h ^ _U(tail)) * _TIMES) & _LOW
    h = ((h ^ (h >> _U(13))) * _TIMES) & _LOW
    h ^= h >> _U(15)
    return np.int64(h & _U(0x7FFFFFFF)) % partitions
