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
from streams.scoreboard.closes import whole


def closes(faults: Faults, wanted: Table) -> Iterator[str]:
    """The daily closes that a reader of Redis gets, beside those of the plain fold, which has taken the events in order."""
    shown = faults.redis.shown
    for user, record in shown.records.items():
        number = partition_of(user, faults.settings.partitions)
        closed_ms = shown.pulses.get(number, {}).get("closed_ms", 0)
        kept = shown.closes.get(user)
        found = whole(orjson.loads(record), orjson.loads(kept) if kept else None, closed_ms)
        slot = wanted.users.get(user)
        if slot is None or is_person(user):
            continue
        wanted.days.begin(max(closed_ms, wanted.clock))
        there = {day: close for day, close in history(wanted, slot) if day <= date(closed_ms // DAY_MS - 1)}
        wrong = {day: (found.get(day), there.get(day)) for day in found.keys() ^ there.keys()}
        last = date(wanted.days.today - 1)
        for day in found.keys() & there.keys():
            # who acted or was followed late: of the closes before the last one it is the windows that are exact
            near = 0.011 if day == last else 0.011 + _points(there[day], 0.2)
            if abs(found[day] - there[day]) > near:
                wrong[day] = found[day], there[day]
        if wrong:
            yield f"closes: {user} has others (found, wanted): {wrong}"


def _points(score: float, mass: float) -> float:
    """What so much mass more gives to a score, at most."""
    plain = model("plain")
    known = mass_for(score, plain)
    return float(hill(known + mass, plain) - hill(max(known - mass, 0.0), plain))
