"""Daily closes after a run: what a reader of Redis gets, beside the plain fold."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from agents.proof.simulation.faults import Faults
from streams.model.closes import history
from streams.model.dates import date
from streams.model.profiles import is_person
from streams.model.score import hill, mass_for
from streams.model.table import Table
from streams.model.versions import DAY_MS, model
from streams.partitioner import partition_of
from streams.people.controls import Facts
from streams.people.persons import begin_day
from streams.scoreboard.closes import whole


def closes(faults: Faults, wanted: Table) -> Iterator[str]:
    """The daily closes that a reader of Redis gets, beside those of the plain fold, which has taken the events in order."""
    shown = faults.redis.shown
    closes_ms = faults.settings.day_closes_ms
    told = any(isinstance(one, Facts) and one.user.startswith("n:a") for one in faults.fed.controls)
    known_ms = (wanted.clock - closes_ms) // DAY_MS * DAY_MS + closes_ms  #: the last close before the newest event
    for user, record in shown.records.items():
        number = partition_of(user, faults.settings.partitions)
        closed_ms = shown.pulses.get(number, {}).get("closed_ms", 0)
        kept = shown.closes.get(user)
        found = whole(orjson.loads(record), orjson.loads(kept) if kept else None, closed_ms)
        slot = wanted.users.get(user)
        if slot is None:
            continue
        wanted.days.begin(max(closed_ms, wanted.clock))
        begin_day(wanted)
        there = {day: close for day, close in history(wanted, slot) if day <= date(closed_ms // DAY_MS - 1)}
        if is_person(user):
            if known_ms <= closed_ms and orjson.loads(record).get("accounts"):
                yield from _last(user, date(closed_ms // DAY_MS - 1), found, there, 0.2 * told)
            continue
        wrong = {day: (found.get(day), there.get(day)) for day in found.keys() ^ there.keys()}
        last = date(wanted.days.today - 1)
        for day in found.keys() & there.keys():
            # who acted or was followed late: of the closes before the last one it is the windows that are exact
            near = 0.011 if day == last else 0.011 + _points(there[day], 0.2)
            if abs(found[day] - there[day]) > near:
                wrong[day] = found[day], there[day]
        if wrong:
            yield f"closes: {user} has others (found, wanted): {wrong}"


def _last(user: str, day: str, found: dict[str, float], there: dict[str, float], facts: float) -> Iterator[str]:
    """Of a person the last close is exact; older ones are what was known when they were taken.

    A fact that was replaced by less stays in it, so `facts`, mass, may be there or not.
    """
    near = 0.011 + _points(there.get(day, 1.0), facts) if facts else 0.011
    if (day in found) != (day in there) or abs(found.get(day, 0.0) - there.get(day, 0.0)) > near:
        yield f"closes: {user} has another on {day} (found, wanted): {found.get(day)}, {there.get(day)}"


def _points(score: float, mass: float) -> float:
    """What so much mass more gives to a score, at most."""
    plain = model("plain")
    known = mass_for(score, plain)
    return float(hill(known + mass, plain) - hill(max(known - mass, 0.0), plain))
