"""How scores are spread over the population: a histogram that merges by adding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streams.scoreboard.layout import BINS_PER_POINT, bin_of


class Spread(NamedTuple):
    """Users by bin of 0.1 points: bin 412 holds scores from 41.2 up to 41.3. Only bins with somebody in, rising."""

    bins: dict[int, int]

    @property
    def population(self) -> int:
        """How many users there are in all."""
        return sum(self.bins.values())

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
        below = sum(count for number, count in self.bins.items() if number < own)
        share = score * BINS_PER_POINT - own
        return 100.0 * (below + share * self.bins.get(own, 0)) / self.population


def merged(parts: Iterable[Mapping[bytes, bytes]]) -> Spread:
    """One histogram from the Redis hashes of all partitions."""
    bins: dict[int, int] = {}
    for part in parts:
        for number, count in part.items():
            bins[int(number)] = bins.get(int(number), 0) + int(count)
    return Spread({number: bins[number] for number in sorted(bins) if bins[number] > 0})
