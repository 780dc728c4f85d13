"""Engagements on their way from the actor's partition to the target's: columns that are collected, split by partition and joined.

A code is the kind, plus flags. Weights travel as they were at `ts`; scaling for a landmark is the receiver's business.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KIND_BITS = 7
FIRST = 8  #: the actor does not remember engaging with this target before (undo: no longer does)
FOLLOW = 16  #: changes the number of net followers
UNDO = 32  #: takes back: the weight is negative


class Pack:
    """Engagements for one partition, being collected."""

    __slots__ = ("codes", "targets", "times", "weights")

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.weights = array("f")
        self.times = array("q")
        self.codes = array("B")

    def __len__(self) -> int:
        return len(self.targets)

    def extend(self, more: Pack) -> None:
        """Add the engagements of another pack behind these."""
        self.targets += more.targets
        self.weights.extend(more.weights)
        self.times.extend(more.times)
        self.codes.extend(more.codes)


def split(pack: Pack, homes: NDArray[np.int64]) -> dict[int, Pack]:
    """One pack for each partition in `homes` (n,), the partitions of the pack's targets; the order within each is kept."""
    whole, parts = received(pack, 0), {}
    for home in np.unique(homes).tolist():
        chosen = np.flatnonzero(homes == home)
        part = parts[home] = Pack()
        part.targets = [pack.targets[i] for i in chosen.tolist()]
        part.weights.frombytes(whole.weights[chosen].tobytes())
        part.times.frombytes(whole.times[chosen].tobytes())
        part.codes.frombytes(whole.codes[chosen].tobytes())
    return parts


class Engagements(NamedTuple):
    """A pack as received. Shapes (n,)."""

    clock: int
    targets: list[str]
    weights: NDArray[np.float32]
    times: NDArray[np.int64]
    codes: NDArray[np.uint8]


def received(pack: Pack, clock: int) -> Engagements:
    """A pack that does not travel: what decoding its encoding would give."""
    return Engagements(
        clock,
        pack.targets,
        np.frombuffer(pack.weights, np.float32),
        np.frombuffer(pack.times, np.int64),
        np.frombuffer(pack.codes, np.uint8),
    )


def joined(packs: Sequence[Engagements]) -> Engagements:
    """Several packs as one; their order is kept, the clock is the newest."""
    if len(packs) == 1:
        return packs[0]
    return Engagements(
        max(pack.clock for pack in packs),
        [target for pack in packs for target in pack.targets],
        np.concatenate([pack.weights for pack in packs]),
        np.concatenate([pack.times for pack in packs]),
        np.concatenate([pack.codes for pack in packs]),
    )
