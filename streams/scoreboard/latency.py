"""How long events took from their own time to Redis: a histogram that merges by adding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

STEP_MS = 2
_BINS = 5_000  # 10 s; what took longer is in the last bin


class Latency:
    """Counts by steps of 2 ms."""

    MOST_PARTS = 1_000  #: event times of as many folds are kept; see `drop_late`

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(_BINS, dtype=np.int64)
        self._sparse: dict[str, int] | None = {}

    def add(self, times: Sequence[NDArray[np.int64]], now_ms: float) -> None:
        """Events with these times (ms) are in Redis now."""
        if not times:
            return
        steps = np.clip((now_ms - np.concatenate(times)) // STEP_MS, 0, _BINS - 1).astype(np.int64)
        few = np.bincount(steps)
        self.counts[: len(few)] += few
        self._sparse = None

    def add_late(self, count: int) -> None:
        """So many events that took longer than is measured."""
        self.counts[-1] += count
        self._sparse = None

    @staticmethod
    def drop_late(times: list[NDArray[np.int64]], now_ms: float) -> int:
        """Leave in `times` only what can still be in time, as one part; returns how many events were left out.

        So memory stays bounded, however long Redis is away.
        """
        everything = np.concatenate(times)
        still = everything[now_ms - everything < (_BINS - 1) * STEP_MS]
        times[:] = [still] if len(still) else []
        return len(everything) - len(still)

    def sparse(self) -> dict[str, int]:
        """Bins with something in them: {"17": 203} is 203 events of 34 to 36 ms. JSON-ready."""
        if self._sparse is None:
            filled = np.flatnonzero(self.counts)
            self._sparse = {str(n): int(count) for n, count in zip(filled, self.counts[filled], strict=True)}
        return self._sparse


def quantiles(parts: Iterable[Mapping[str, int]], which: Iterable[float]) -> list[float | None]:
    """Quantiles in ms of histograms as `sparse` gives them, added up; None for each when there is nothing."""
    total = np.zeros(_BINS, dtype=np.int64)
    for part in parts:
        for number, count in part.items():
            total[int(number)] += count
    if not total.sum():
        return [None for _ in which]
    reached = np.cumsum(total)
    return [float((np.searchsorted(reached, q * reached[-1]) + 1) * STEP_MS) for q in which]
