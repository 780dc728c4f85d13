"""Numbers drawn with characters: bars, sparklines, large digits. Screens that are not UTF-8 get ASCII."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

ROWS = 3  #: of large digits
_LEVELS, _PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
_DIGITS = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ".": (" ", " ", "▀"),
}


def bar(part: float, cells: int, *, plain: bool = False) -> str:
    """A line of `part`, 0 to 1, of so many cells, to half a cell; whatever is more than nothing is seen."""
    halves = round(min(max(part, 0.0), 1.0) * 2 * cells)
    if part > 0.0:
        halves = max(halves, 1)
    if plain:
        return "=" * math.ceil(halves / 2)
    return "━" * (halves // 2) + "╸" * (halves % 2)


def scale(place: float, cells: int, *, plain: bool = False) -> str:
    """A line of so many cells, two at least, with a mark on it: at its left end for -1, at its right end for 1."""
    at = round((min(max(place, -1.0), 1.0) + 1.0) / 2.0 * (cells - 1))
    line, mark = ("-", "o") if plain else ("─", "●")
    return line * at + mark + line * (cells - 1 - at)


def sparkline(values: Sequence[float], cells: int, *, plain: bool = False) -> str:
    """The values as columns from the lowest to the highest, each a cell; more than `cells`: neighbours share one, as a mean."""
    groups = min(len(values), cells)
    bounds = [len(values) * number // groups for number in range(groups + 1)] if groups > 0 else [0]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(bounds)]
    levels = _PLAIN_LEVELS if plain else _LEVELS
    low, high = min(means, default=0.0), max(means, default=0.0)
    if high - low < 1e-9:  # nothing moves: neither low nor high
        return levels[len(levels) // 2 - 1] * groups
    return "".join(levels[min(int((mean - low) / (high - low) * len(levels)), len(levels) - 1)] for mean in means)


def large(number: str) -> list[str]:
    """A number of digits and a point, `ROWS` rows high."""
    return [" ".join(_DIGITS[letter][row] for letter in number) for row in range(ROWS)]


def change(points: float, *, plain: bool = False) -> str:
    """`▲ 0.31`, `▼ 1.20`; `·`: as good as none."""
    shown = f"{abs(points):.2f}"
    if shown == "0.00":
        return "." if plain else "·"
    up = points > 0
    return f"{'+' if up else '-'}{shown}" if plain else f"{'▲' if up else '▼'} {shown}"
