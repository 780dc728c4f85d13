"""The outlook: how a score falls if nothing happens. The closed form of `streams.model.score.terms`, read at later moments."""

from __future__ import annotations

from typing import Any

from streams.model.explained import Crossing, Later, Outlook
from streams.model.score import hill, terms
from streams.model.versions import DAY_MS, Model

DAYS = (1, 7, 30)
FARTHEST_MS = 10 * 365 * DAY_MS  #: a multiple of ten that is not crossed until then is said not to be crossed
_DECADES = range(90, 0, -10)


def outlook(record: dict[str, Any], model: Model, now_ms: int) -> Outlook:
    """The score of a record some days after `now_ms`, and when it falls below each multiple of ten, if nothing happens.

    With time no term of the mass grows: windows and own actions halve, and are clamped at 0 when they are negative; reach
    stays; a fact stays until its date, should that lie ahead, and fades from then on. So the score never rises, and there is one
    moment at which it falls below a given one.
    """
    now = _score(record, model, now_ms)
    later = [_later(record, model, now_ms, days) for days in DAYS]
    below = [Crossing(score=ten, at=_crossing(record, model, now_ms, ten)) for ten in _DECADES if ten < now]
    return Outlook(later=later, below=below)


def _later(record: dict[str, Any], model: Model, now_ms: int, days: int) -> Later:
    at_ms = now_ms + days * DAY_MS
    return Later(days=days, at=at_ms, score=max(_score(record, model, at_ms), 1.0))


def _score(record: dict[str, Any], model: Model, at_ms: int) -> float:
    """Before the floor of 1, which no multiple of ten comes near."""
    return float(hill(terms(record, model, at_ms).mass, model))


def _crossing(record: dict[str, Any], model: Model, now_ms: int, score: int) -> int | None:
    """The first ms at which the record reads below `score`, which it is above at `now_ms`; by bisection."""
    above_ms, below_ms = now_ms, now_ms + FARTHEST_MS
    if _score(record, model, below_ms) >= score:
        return None
    while below_ms - above_ms > 1:
        middle_ms = (above_ms + below_ms) // 2
        if _score(record, model, middle_ms) < score:
            below_ms = middle_ms
        else:
            above_ms = middle_ms
    return below_ms
