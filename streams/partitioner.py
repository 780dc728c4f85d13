"""Which partition a user lives in: Kafka's own rule, so that any producer with the default partitioner agrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from murmurhash2 import murmurhash2
from numpy.typing import NDArray

#: the seed that Kafka's DefaultPartitioner and its clients use
KAFKA_SEED = 0x9747B28C


def partition_of(user: str | bytes, n: int) -> int:
    """Partition 0..n-1 of a user (`network:id`) or of a record key (the same in UTF-8): murmur2 modulo n."""
    key = user.encode() if isinstance(user, str) else user
    return (murmurhash2(key, KAFKA_SEED) & 0x7FFF_FFFF) % n


def partitions_of(users: Sequence[str], n: int) -> NDArray[np.int64]:
    """`partition_of` of each."""
    hashed = np.fromiter((murmurhash2(user.encode(), KAFKA_SEED) for user in users), np.int64, len(users))
    return (hashed & 0x7FFF_FFFF) % n
