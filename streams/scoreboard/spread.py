"""How scores are spread over the population: a histogram that merges by adding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from streams.model.windows import Floats
from streams.scoreboard.layout import BINS_PER_POINT, MOST_BINS, bin_of, bins_of


@dataclass(frozen=True)
class Spread:
    """Users by bin of 0.1 points: bin 412 holds scores from 41.2 up to 41.3. Only bins with somebody in, rising."""

    bins: dict[int, int]

    @cached_property
    def population(self) -> int:
        """How many users are in it."""
        return sum(self.bins.values())

    @cached_property
    def _below(self) -> list[int]:
        """How many users are below each bin: many are asked about one spread."""
        counts = [self.bins.get(number, 0) for number in range(MOST_BINS)]
        return list(accumulate(counts, initial=0))

    @property
    def mean(self) -> float | None:
        """The average score, to half a bin; None without any user."""
        total = sum((number + 0.5) * count for number, count in self.bins.items())
        return total / BINS_PER_POINT / self.population if self.bins else None

    def percentile(self, score: float) -> float | None:
        """Per cent of the users below this score, 0 to 100; None without any user.

        Within a bin users count as evenly spread.
        """
        if not self.bins:
            return None
        own = bin_of(score)
        share = score * BINS_PER_POINT - own
        return 100.0 * (self._below[min(max(own, 0), MOST_BINS)] + share * self.bins.get(own, 0)) / self.population


def merged(parts: Iterable[Mapping[bytes, bytes]]) -> Spread:
    """One histogram from the Redis hashes of all partitions."""
    counts = np.zeros(MOST_BINS, np.int64)
    for part in parts:
        numbers = np.fromiter(map(int, part), np.int64, len(part))
        counts[numbers] += np.fromiter(map(int, part.values()), np.int64, len(part))
    filled = np.flatnonzero(counts > 0)
    return Spread(dict(zip(filled.tolist(), counts[filled].tolist(), strict=True)))


class Histogram:
    """How many users of a partition are in each tenth of a point, kept as scores go out."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(MOST_BINS, dtype=np.int64)
        self.population = 0  #: how many users are in it

    def filled(self) -> dict[int, int]:
        """All bins with somebody in."""
        filled = np.flatnonzero(self.counts)
        return dict(zip(filled.tolist(), self.counts[filled].tolist(), strict=True))

    def move(self, before: Floats, after: Floats) -> dict[int, int]:
        """Users went from their shown scores to others (0 or less: not in it); returns the bins that changed."""
        left, entered = bins_of(before[before > 0]), bins_of(after[after > 0])
        difference = np.bincount(entered, minlength=MOST_BINS) - np.bincount(left, minlength=MOST_BINS)
        changed = np.flatnonzero(difference)
        self.counts += difference
        self.population += len(entered) - len(left)
        return dict(zip(changed.tolist(), self.counts[changed].tolist(), strict=True))
