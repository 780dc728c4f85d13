"""Rules by percentile and top N as score lines: what a line is called, and for how many there is a place above it."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from streams.model.rules import Rule, When

MOST_LINES = 100  #: that rules ask for, by name; a rule of any other holds for nobody


def line_of(when: When) -> str | None:
    """The name of the line that a rule asks for; None: of none."""
    if when.percentile is not None:
        return f"percentile/{_short(when.percentile)}"
    return None if when.top is None else f"top/{when.top}"


def asked(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The lines that rules ask for which are not switched off, in the order of their names; at most MOST_LINES."""
    names = {name for rule in rules if rule.enabled and (name := line_of(rule.when))}
    return tuple(sorted(names)[:MOST_LINES])


def is_line(name: str) -> bool:
    """Is it the name of a line?"""
    sort, _, amount = name.partition("/")
    try:
        if sort == "top":
            return line_of(When(top=int(amount))) == name
        return sort == "percentile" and 0 < float(amount) < 100 and line_of(When(percentile=float(amount))) == name
    except ValueError:
        return False


def place(name: str, population: int) -> int:
    """How many are not below a line, among so many: N; of a percentile the others than so many per cent, at least one."""
    sort, _, amount = name.partition("/")
    if sort == "top":
        return int(amount)
    return max(ceil(population * (100.0 - float(amount)) / 100.0 - 1e-9), 1)


def called(when: When) -> str:
    """What a rule's line begins, in a sentence: `the 95th percentile`, `the 100 highest`."""
    if when.percentile is None:
        return "the highest" if when.top == 1 else f"the {when.top:,} highest"
    text = _short(when.percentile)
    last = "th" if text[-2:] in ("11", "12", "13") else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
    return f"the {text}{last} percentile"


def _short(number: float) -> str:
    return repr(float(number)).removesuffix(".0")
