"""Comparing numbers of which some were not measured: what is compared with NaN is NaN."""

from __future__ import annotations

import math


def most(values: dict[str, float]) -> tuple[str, float]:
    """The largest and its name; NaN when one of them is not known."""
    unknown = [name for name, value in values.items() if math.isnan(value)]
    return (unknown[0], math.nan) if unknown else max(values.items(), key=lambda item: item[1])


def largest(*values: float) -> float:
    """The largest; NaN when one is NaN, wherever it stands."""
    return math.nan if any(map(math.isnan, values)) else max(values)


def smallest(*values: float) -> float:
    """The same of the smallest."""
    return -largest(*(-value for value in values))


def whole(value: float) -> float:
    """At least 1, rounded up."""
    return value if math.isnan(value) else float(max(math.ceil(value), 1))
