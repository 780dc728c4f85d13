"""Numbers as they stand on the page."""

from __future__ import annotations

import math

MISSING = "not measured yet"


def n(value: float, digits: int | None = None) -> str:
    """Three digits of a number, or that it was not measured."""
    if math.isnan(value):
        return MISSING
    if digits is not None:
        return f"{value:,.{digits}f}"
    for unit, name in ((1e9, " billion"), (1e6, " million")):
        if value >= unit:
            return f"{_three(value / unit)}{name}"
    return _three(value)


def b(size: float) -> str:
    """Bytes with a unit."""
    if math.isnan(size):
        return MISSING
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{_three(size / unit)} {name}"
    return f"{_three(size / 1e3)} kB"


def _three(value: float) -> str:
    if value == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    text = f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.{digits}f}"
    return str(text.rstrip("0").rstrip(".") if "." in text else text)
