"""Daily closes and ledgers after a run: what a reader of Redis gets, beside the plain fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from agents.proof.simulation.faults import Faults
from streams.events import KINDS
from streams.model.closes import booked, history
from streams.model.dates import date
from streams.model.explained import Entry
from streams.model.ledger import of_days, since_close
from streams.model.profiles import is_person
from streams.model.records import scored
from streams.model.score import hill, mass_for
from streams.model.table import Table
from streams.model.versions import DAY_MS, FOLLOWERS, model
from streams.partitioner import partition_of
from streams.people.controls import Facts
from streams.people.persons import begin_day
from streams.scoreboard.closes import whole

_NEAR = 1e-5  # masses that differ by less are the same: they are kept with seven digits


def closes(faults: Faults, wanted: Table) -> Iterator[str]:
    """The daily closes that a reader of Redis gets, beside those of the plain fold, which has taken the events in order."""
    shown = faults.redis.shown
    closes_ms = faults.settings.day_closes_ms
    told = any(isinstance(one, Facts) and one.user.startswith("n:a") for one in faults.fed.controls)
    known_ms = (wanted.clock - closes_ms) // DAY_MS * DAY_MS + closes_ms  #: the last close before the newest event
    for user, value in shown.records.items():
        number = partition_of(user, faults.settings.partitions)
        closed_ms = shown.pulses.get(number, {}).get("closed_ms", 0)
        kept = shown.closes.get(user)
        record, known = orjson.loads(value), orjson.loads(kept) if kept else None
        found = whole(record, known, closed_ms)
        slot = wanted.users.get(user)
        if slot is None:
            continue
        wanted.days.begin(max(closed_ms, wanted.clock))
        begin_day(wanted)
        there = {day: close for day, close in history(wanted, slot) if day <= date(closed_ms // DAY_MS - 1)}
        if is_person(user):
            if known_ms <= closed_ms and record.get("accounts"):
                yield from _last(user, date(closed_ms // DAY_MS - 1), found, there, 0.2 * told)
            continue
        wrong: dict[str, Any] = {day: (found.get(day), there.get(day)) for day in found.keys() ^ there.keys()}
        newest = date(wanted.days.today - 1)
        for day in found.keys() & there.keys():
            # who acted or was followed late: of the closes before the last one it is the windows that are exact
            near = 0.011 if day == newest else 0.011 + _points(there[day], 0.2)
            if abs(found[day] - there[day]) > near:
                wrong[day] = found[day], there[day]
        wrong |= _ledgers(record, known and known["ledger"], wanted, slot)
        if wrong:
            yield f"closes: {user} has others (found, wanted): {wrong}"


def _ledgers(record: dict[str, Any], kept: dict[str, Any] | None, wanted: Table, slot: int) -> dict[str, Any]:
    """What readers are told of the open day and of the closed ones, where it differs from what they would be by the plain fold."""
    now_ms, closed_ms, plain = max(wanted.clock, wanted.days.closed_ms), wanted.days.closed_ms, wanted.model
    other = orjson.loads(scored(wanted, np.array([slot]), None, now_ms, 1).records[0])
    there = booked(wanted, int(wanted.days.arrays.line[slot]))
    wrong: dict[str, Any] = {}
    one, two = (_by_cause(since_close(of, plain, now_ms, closed_ms).entries) for of in (record, other))
    stated = wanted.profiles[slot].facts.get(FOLLOWERS) if slot in wanted.profiles else None
    if stated and stated.date >= closed_ms:  # for after the close, maybe said before it
        one["reach"] = two["reach"] = 0.0
    for cause in one.keys() | two.keys():
        if abs(one.get(cause, 0.0) - two.get(cause, 0.0)) > _NEAR:
            wrong[f"now.{cause}"] = one.get(cause), two.get(cause)
    days = [
        {day.date: _by_cause(day.entries)["gained"] for day in of_days(of, kept_of, plain, closed_ms)}
        for of, kept_of in ((record, kept), (other, there))
    ]
    for day in days[0].keys() | days[1].keys():
        found = [of.get(day, 0.0) for of in days]
        if abs(found[0] - found[1]) > _NEAR * max(1.0, abs(found[1])):
            wrong[day] = tuple(found)
    return wrong


def _by_cause(entries: Sequence[Entry]) -> dict[str, float]:
    """Mass by cause; what kinds gained less what was taken back is one: of a first day nothing tells them apart."""
    found: dict[str, float] = {one.cause: one.mass for one in entries}
    gained = sum(found.pop(cause, 0.0) for cause in (*KINDS, "reversed"))
    found.pop("decay", None)
    return {"reach": 0.0, **found, "gained": gained}


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
