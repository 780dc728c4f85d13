"""With hindsight: what a rule would have told of a user, judged at the daily closes alone.

The rule is that of `streams.fold.judging`, with a close in place of each moment. What only the moment knows is left out: causes,
and what happened between two closes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.model.dates import day
from streams.model.explained import Close
from streams.model.published import State
from streams.model.rules import WITHIN_MS, Rule, Within
from streams.model.versions import DAY_MS

#: how many closes back the score is that a close is compared with
_BACK: dict[Within, int] = {"1d": 1, "7d": 7, "30d": 30}


class Told(NamedTuple):
    """One alert as it would have been."""

    state: State
    date: str  #: the day that closed
    score: float
    before: float  #: the score that it is compared with; of a rule by a line that of the close before
    compared: str | None  #: the day of that score; None: a line


class _On(NamedTuple):
    """An alert that is on, or was: from which day on, and compared with what."""

    day: int
    before: float
    compared: str | None
    over: bool = False


def why_not(rule: Rule) -> str:
    """Why closes cannot tell what a rule would do; empty: they can."""
    when = rule.when
    if when.percentile is not None or when.top is not None:
        return (
            "percentiles and the top N of past days are not known; a rule by `below`, `falls` or `rises` can be tried"
        )
    if when.within == "1h":
        return "closes are a day apart; a rule within `1d`, `7d` or `30d` can be tried"
    return ""


def told(rule: Rule, closes: Sequence[Close]) -> Iterator[Told]:
    """What it would have told of a user with these closes, oldest first; `since` and `enabled` are not looked at."""
    by_day = {day(close.date): close for close in closes}
    kept: _On | None = None
    for number, close in by_day.items():
        if kept and not kept.over and (state := _ended(rule, kept, number, close, by_day)):
            yield Told(state, close.date, close.score, kept.before, kept.compared)
            kept = kept._replace(over=True)
        cooled = kept is None or (kept.over and (number - kept.day) * DAY_MS >= rule.cooldown_ms)
        if cooled and (before := _entered(rule, number, close, by_day)):
            compared = None if rule.when.below is not None else before.date
            kept = _On(number, before.score, compared)
            yield Told("raised", close.date, close.score, before.score, compared)


def _entered(rule: Rule, number: int, close: Close, by_day: dict[int, Close]) -> Close | None:
    """What the close is compared with, if the rule begins to hold then."""
    when = rule.when
    before = _compared(rule, number, close, by_day)
    if before is None or before.score < rule.who.min_score:
        return None
    if when.below is not None:
        return before if close.score < when.below <= before.score else None
    return before if _moved(rule, before.score, close.score) >= _amount(rule) else None


def _ended(rule: Rule, kept: _On, number: int, close: Close, by_day: dict[int, Close]) -> State | None:
    """How an alert that is on is over at a close; None: it is not."""
    if rule.when.below is not None:
        return "recovered" if close.score >= min(rule.when.below + rule.back, 100.0) else None
    enough = _amount(rule) - rule.back
    if _moved(rule, kept.before, close.score) <= enough:
        return "recovered"
    if (number - kept.day) * DAY_MS < WITHIN_MS[rule.when.within]:
        return None
    before = _compared(rule, number, close, by_day)
    return "settled" if before is None or _moved(rule, before.score, close.score) <= enough else None


def _compared(rule: Rule, number: int, close: Close, by_day: dict[int, Close]) -> Close | None:
    """The close that a rule compares one with; None: there is none, or it is of another model and that is to be ignored."""
    back = 1 if rule.when.below is not None else _BACK[rule.when.within]
    before = by_day.get(number - back)
    other = before is not None and before.model != close.model and "model" in rule.ignore
    return None if other else before


def _amount(rule: Rule) -> float:
    return rule.when.falls or rule.when.rises or 0.0


def _moved(rule: Rule, before: float, score: float) -> float:
    """How far in the direction of the rule, in its unit."""
    by = before - score if rule.when.falls is not None else score - before
    return by * 100.0 / before if rule.when.unit == "percent" else by
