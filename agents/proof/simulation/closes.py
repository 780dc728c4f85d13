"""Daily closes and ledgers after a run: what a reader of Redis gets, beside the plain fold, by the model in force at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from agents.proof.simulation.faults import Faults
from streams.events import KINDS
from streams.formats import state
from streams.formats.state import Header
from streams.model.closes import booked, history
from streams.model.dates import date
from streams.model.dates import day as day_of
from streams.model.explained import Close, Entry
from streams.model.inforce import InForce, Models, name_at
from streams.model.ledger import of_days, since_close
from streams.model.profiles import is_person
from streams.model.records import scored
from streams.model.score import hill, mass_for
from streams.model.table import Table
from streams.model.versions import DAY_MS, FOLLOWERS, model
from streams.partitioner import partition_of
from streams.people.controls import Facts
from streams.people.persons import begin_day
from streams.scoreboard.closes import ledger_of, whole
from streams.topics import STATE

_NEAR = 1e-5  # masses that differ by less are the same: they are kept with seven digits


def closes(faults: Faults, wanted: Mapping[str, Table]) -> Iterator[str]:
    """The daily closes that a reader of Redis gets, beside those of the plain fold, which has taken the events in order.

    `wanted` has the fold by each model.
    """
    shown = faults.redis.shown
    closes_ms = faults.settings.day_closes_ms
    told = any(isinstance(one, Facts) and one.user.startswith("n:a") for one in faults.fed.controls)
    clock = max(table.clock for table in wanted.values())
    known_ms = (clock - closes_ms) // DAY_MS * DAY_MS + closes_ms  #: the last close before the newest event
    models = {number: in_force(faults, number) for number in range(faults.settings.partitions)}
    for user, value in shown.records.items():
        number = partition_of(user, faults.settings.partitions)
        pulse = shown.pulses.get(number, {})
        kept = shown.closes.get(user)
        record, known = orjson.loads(value), orjson.loads(kept) if kept else None
        found = {close.date: close for close in whole(record, known, pulse)}
        if all(table.users.get(user) is None for table in wanted.values()):
            continue
        closed_ms = pulse.get("closed_ms", 0)
        there = _there(user, wanted, models[number], closed_ms)
        if is_person(user):
            day = date(closed_ms // DAY_MS - 1)
            # where history is replayed, a control that comes last begins a day in the fold alone: this is an older one there
            ahead = wanted["plain"].days.closed_ms > closed_ms and not found.keys() & there.keys() & {day}
            if known_ms <= closed_ms and record.get("accounts") and not ahead:
                yield from _last(user, day, found, there, 0.2 * told)
            continue
        wrong: dict[str, Any] = {day: (found.get(day), there.get(day)) for day in found.keys() ^ there.keys()}
        newest = date(wanted["plain"].days.today - 1)
        for day in found.keys() & there.keys():
            # who acted or was followed late: of the closes before the last one it is the windows that are exact
            near = 0.011 if day == newest else 0.011 + _points(there[day], 0.2)
            if abs(found[day].score - there[day].score) > near or found[day].model != there[day].model:
                wrong[day] = found[day], there[day]
        if len(models[number]) == 1:
            wrong |= _ledgers(record, ledger_of(known), wanted[record["model"]])
        if wrong:
            yield f"closes: {user} has others (found, wanted): {wrong}"


def in_force(faults: Faults, number: int) -> Models:
    """The models in force in a partition, as its commits tell: who published each."""
    found: list[InForce] = []
    for header in headers(faults, number):
        if not found or found[-1].name != header.model:
            found.append(InForce(header.model, header.models[-1].since_ms if found else 0))
    return tuple(found)


def headers(faults: Faults, number: int) -> Iterator[Header]:
    """Those of all commits of a partition."""
    for record in faults.broker.logs[STATE.name, number].all():
        if record.key == state.HEADER:
            yield state.read_header(record.value or b"")


def _there(user: str, wanted: Mapping[str, Table], models: Models, closed_ms: int) -> dict[str, Close]:
    """The closes up to this moment, each by the model in force then."""
    found = {}
    for name, table in wanted.items():
        table.days.begin(max(closed_ms, table.clock))
        begin_day(table)
        for close in history(table, int(table.users.get(user) or 0)):
            moment_ms = table.days.closed_ms - (table.days.today - 1 - day_of(close.date)) * DAY_MS
            if moment_ms <= closed_ms and name_at(models, moment_ms) == name:
                found[close.date] = close
    return found


def _ledgers(record: dict[str, Any], kept: Mapping[str, Any] | None, wanted: Table) -> dict[str, Any]:
    """What readers are told of the open day and of the closed ones, where it differs from what they would be by the plain fold."""
    now_ms, closed_ms, of = max(wanted.clock, wanted.days.closed_ms), wanted.days.closed_ms, wanted.model
    slot = int(wanted.users.get(record["user"]) or 0)
    other = orjson.loads(scored(wanted, np.array([slot]), None, now_ms, 1).records[0])
    there = booked(wanted, int(wanted.days.lines(np.array([slot]))[0]))
    wrong: dict[str, Any] = {}
    one, two = (_by_cause(since_close(each, of, now_ms, closed_ms).entries) for each in (record, other))
    stated = wanted.profiles[slot].facts.get(FOLLOWERS) if slot in wanted.profiles else None
    if stated and stated.date >= closed_ms:  # for after the close, maybe said before it
        one["reach"] = two["reach"] = 0.0
    for cause in one.keys() | two.keys():
        if abs(one.get(cause, 0.0) - two.get(cause, 0.0)) > _NEAR:
            wrong[f"now.{cause}"] = one.get(cause), two.get(cause)
    days = [
        {day.date: _by_cause(day.entries)["gained"] for day in of_days(each, kept_of, of, closed_ms, [])}
        for each, kept_of in ((record, kept), (other, there))
    ]
    for day in days[0].keys() | days[1].keys():
        found = [each.get(day, 0.0) for each in days]
        if abs(found[0] - found[1]) > _NEAR * max(1.0, abs(found[1])):
            wrong[day] = tuple(found)
    return wrong


def _by_cause(entries: Sequence[Entry]) -> dict[str, float]:
    """Mass by cause; what kinds gained less what was taken back is one: of a first day nothing tells them apart."""
    found: dict[str, float] = {one.cause: one.mass for one in entries}
    gained = sum(found.pop(cause, 0.0) for cause in (*KINDS, "reversed"))
    found.pop("decay", None)
    return {"reach": 0.0, **found, "gained": gained}


def _last(user: str, day: str, found: Mapping[str, Close], there: Mapping[str, Close], facts: float) -> Iterator[str]:
    """Of a person the last close is exact; older ones are what was known when they were taken.

    A fact that was replaced by less stays in it, so `facts`, mass, may be there or not.
    """
    one, other = found.get(day), there.get(day)
    near = 0.011 + (_points(other, facts) if other and facts else 0.0)
    if (one is None) != (other is None) or (one and other and abs(one.score - other.score) > near):
        yield f"closes: {user} has another on {day} (found, wanted): {one}, {other}"


def _points(close: Close, mass: float) -> float:
    """What so much mass more gives to a score, at most."""
    by = model(close.model)
    known = mass_for(close.score, by)
    return float(hill(known + mass, by) - hill(max(known - mass, 0.0), by))
