"""Why a score moved since some moment, in points by cause: the ledger's entries, put together as people ask for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.events import KINDS
from streams.fold.rows import LEDGER_DAYS
from streams.model.dates import day
from streams.model.explain import Past
from streams.model.explained import Close, Entry
from streams.model.ledger import of_days, since_close
from streams.model.published import AlertCause
from streams.model.rules import Cause, Within
from streams.model.versions import DAY_MS, Model

DAYS: dict[Within, int] = {"1h": 0, "1d": 0, "7d": 6, "30d": 29}  #: closed days that belong to it
_LEAST = 5e-7  # points that are worth a word

_FALLS: dict[Cause, str] = {
    "idle": "nobody engages, and what there was fades",
    "fewer": "less comes than fades",
    "engagement": "engagements weigh less",
    "reversed": "engagements were taken back",
    "links": "an account no longer counts for this person",
    "reach": "followers left",
    "participation": "they take part less",
    "facts": "facts about them changed",
    "model": "the scoring model changed",
    "gap": "a feed is silent",
    "earlier": "of what came before",
}
_RISES: dict[Cause, str] = {
    **_FALLS,
    "engagement": "people engage",
    "reversed": "what was taken back weighs less",
    "links": "an account counts for this person",
    "reach": "followers came",
    "participation": "they take part",
}


class Why(NamedTuple):
    """What moved a score, and by how much in all."""

    change: float  #: points
    causes: list[AlertCause]  #: together `change`, what moved most first

    def main(self, *, fall: bool) -> Cause:
        """What moved it most in this direction, a gap only if nothing else did; `earlier` if nothing that is known did."""
        moved = [one for one in self.causes if (one.points < 0) == fall]
        most = max(moved, key=lambda one: (one.cause != "gap", abs(one.points)), default=None)
        return most.cause if most else "earlier"


def why(
    record: dict[str, Any],
    model: Model,
    now_ms: int,
    past: Past,
    within: Within,
    change: float | None,
    gap: tuple[float, float] = (0.0, 0.0),
) -> Why:
    """What moved the score of a record in the time that a rule looks back on, by `change` points (None: since the last close).

    On a closed day on which nothing came the score has faded, and no ledger has it: its closes do. Days of which nothing is
    known are `earlier`; so is, of the last hour, what came since the close and before it. `gap`: which part, 0 to 1, of what
    is known to have faded did so while a feed was silent, and how many points, 0 or less, did in all.
    """
    now = since_close(record, model, now_ms, past.closed_ms)
    points: dict[Cause, float] = defaultdict(float)
    gained = _book(points, now.entries)
    if DAYS[within]:
        last = past.closed_ms // DAY_MS - 1
        first = last + 1 - DAYS[within]
        told = {day(one.date): one for one in of_days(record, past.ledger, model, past.closed_ms, past.closes)}
        for number, one in told.items():
            if number >= first:
                gained |= _book(points, one.entries)
        newest = last - max(past.closed_ms - 1 - record["event_ts"], 0) // DAY_MS
        known = max(first, min(last + 1 - LEDGER_DAYS, newest + 1))  # since then every day with something is told
        _fade(points, past.closes, [number for number in range(known, last + 1) if number not in told])
    decay = points.pop("idle", 0.0)
    points["gap"] = gap[0] * decay
    points["fewer" if gained else "idle"] += decay - points["gap"]
    change = now.points if change is None else change
    points["earlier"] += change - sum(points.values())
    unknown = min(max(gap[1] - points["gap"], points["earlier"]), 0.0)  # on days of which nothing is known
    points["gap"] += unknown
    points["earlier"] -= unknown
    causes = [AlertCause(cause=cause, points=moved) for cause, moved in points.items() if abs(moved) > _LEAST]
    return Why(change, sorted(causes, key=lambda one: -abs(one.points)))


def _fade(points: dict[Cause, float], closes: Sequence[Close], days: Sequence[int]) -> None:
    """Add what the score has lost on these closed days, on which nothing came."""
    by = {day(one.date): one for one in closes}
    for number in days:
        before, after = by.get(number - 1), by.get(number)
        if before and after:
            points["idle" if before.model == after.model else "model"] += after.score - before.score


def _book(points: dict[Cause, float], entries: Sequence[Entry]) -> bool:
    """Add entries of a ledger, decay as `idle`; has somebody engaged?"""
    gained = False
    for entry in entries:
        if entry.cause in KINDS:
            points["engagement"] += entry.points
            gained |= entry.mass > 0.0
        elif entry.cause == "decay":
            points["idle"] += entry.points
        else:
            points[entry.cause] += entry.points  # type: ignore[index]
    return gained


def sentence(user: str, score: float, compared: str, found: Why, *, fall: bool) -> str:
    """The same for people; `compared` says with what, as in `in a day`."""
    main, words = found.main(fall=fall), _FALLS if fall else _RISES
    parts = ", ".join(f"{one.points:+.1f} {one.cause}" for one in found.causes[:4] if abs(one.points) >= 0.05)
    moved = "fell" if found.change < 0 else "rose"
    return f"{user} {moved} {abs(found.change):.1f} points {compared}, to {score:.1f}: {words[main]}" + (
        f" ({parts})" if parts else ""
    )
