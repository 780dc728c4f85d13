"""How long events took from their own time to Redis: a histogram that merges by adding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

STEP_MS = 2
_BINS = 5_000  # 10 s; what took longer is in the last bin


class Latency:
    """Counts by steps of 2 ms."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(_BINS, dtype=np.int64)

    def add(self, times: Iterable[NDArray[np.int64]], now_ms: float) -> None:
        """Events with these times (ms) are in Redis now."""
        for part in times:
            steps = np.clip((now_ms - part) // STEP_MS, 0, _BINS - 1).astype(np.int64)
            self.counts += np.bincount(steps, minlength=_BINS)

    def sparse(self) -> dict[str, int]:
        """Bins with something in them: {"17": 203} is 203 events of 34 to 36 ms. JSON-ready."""
        filled = np.flatnonzero(self.counts)
        return {str(n): int(count) for n, count in zip(filled, self.counts[filled], strict=True)}


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
