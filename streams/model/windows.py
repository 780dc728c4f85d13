"""Decayed sums by forward decay: an event adds w * 2^((ts - L) / H), a reader divides by 2^((now - L) / H).

Adding never touches the past, so order does not matter, late events are exact, and sums commute (Cormode et al., Forward
Decay, ICDE 2009). Landmarks L lie on a grid of whole half-lives since the epoch and move along it, which is exact in binary.

    L         ts            now           one event of weight w, half-life H
    |---------|-------------|----> time
    |  w * 2^((ts-L)/H)     |             what it adds to the sum: the later, the more
    |      / 2^((now-L)/H)  |             what a reader divides by
              w * 2^((ts-now)/H)          what comes out: it has halved with each H since `ts`

An event of weight 3, half-life a day, read two days later:

>>> day = 86_400_000
>>> start = landmark(20_454 * day + 7, day)
>>> total = 3.0 * growth(20_455 * day, start, day)
>>> round(float(total) * decay(20_457 * day, start, day), 9)
0.75
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A landmark moves once the newest event is this many half-lives beyond it (2^400; doubles end at 2^1023).
FARTHEST = 400
#: Exponents beyond this are clipped: what is a thousand half-lives old weighs nothing.
_CLIP = 1020.0


def landmark(ts_ms: int, half_life_ms: int) -> int:
    """The grid point at or before `ts_ms`: a whole number of half-lives since the epoch, in ms."""
    return ts_ms // half_life_ms * half_life_ms


def growth(ts_ms: NDArray[np.int64] | Floats | int, landmark_ms: int, half_life_ms: int) -> Floats:
    """What an event of weight 1 at `ts_ms` adds to a sum with this landmark. Shape as `ts_ms`."""
    exponent = (np.asarray(ts_ms, dtype=np.float64) - landmark_ms) / half_life_ms
    return np.exp2(np.clip(exponent, -_CLIP - 54, _CLIP))


def decay(now_ms: int, landmark_ms: int, half_life_ms: int) -> float:
    """What a sum with this landmark is multiplied by to be read at `now_ms`."""
    exponent = (landmark_ms - now_ms) / half_life_ms
    return float(np.exp2(min(max(exponent, -_CLIP - 54), FARTHEST)))  # np.clip takes 10 us for a single number
