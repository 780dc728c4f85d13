"""Sums in 32 bits that many small things are added to: what does not fit is rounded up or down by chance, so the mean is right.

Rounded to the nearest, a sum of a million small things is wrong by up to a hundredth, one of ten million by a tenth, and beyond 16
million it stops. By chance it goes on (`tests/fold/test_hostile_lists.py`).
"""

from __future__ import annotations

import math

import numpy as np

from streams.fold.compiled import part

_MUCH, _DIGITS = 4096.0, 24  # times what is added; binary digits of a sum
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio

_U = np.uint64


@part
def chance(hash_, ts):
    """A number of -0.5 to 0.5 for somebody (u64) at a moment: the same whenever this is folded."""
    return np.float64(((hash_ ^ _U(ts)) * _SPREAD) >> _U(32)) / 2.0**32 - 0.5


@part
def summed(before, more, by):
    """`before` and what is little beside it as f64, such that the nearest f32 is the sum rounded by this chance; never below 0."""
    found = max(before + more, 0.0)
    if abs(more) < before / _MUCH:
        found += by * np.ldexp(1.0, math.frexp(found)[1] - _DIGITS)
    return found
