"""Daily closes after a run: what a reader of Redis gets, beside the plain fold, by the model in force at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson

from agents.proof.simulation.faults import Faults
from streams.formats import state
from streams.formats.state import Header
from streams.model.closes import history
from streams.model.dates import date
from streams.model.dates import day as day_of
from streams.model.explained import Close
from streams.model.inforce import InForce, Models, name_at
from streams.model.profiles import is_person
from streams.model.score import hill, mass_for
from streams.model.table import Table
from streams.model.versions import DAY_MS, model
from streams.partitioner import partition_of
from streams.scoreboard.closes import whole
from streams.topics import STATE


def closes(faults: Faults, wanted: Mapping[str, Table]) -> Iterator[str]:
    """The daily closes that a reader of Redis gets, beside those of the plain fold, which has taken the events in order.

    `wanted` has the fold by each model.
    """
    shown = faults.redis.shown
    models = {number: in_force(faults, number) for number in range(faults.settings.partitions)}
    for user, record in shown.records.items():
        number = partition_of(user, faults.settings.partitions)
        pulse = shown.pulses.get(number, {})
        kept = shown.closes.get(user)
        read = whole(orjson.loads(record), orjson.loads(kept) if kept else None, pulse)
        found = {close.date: close for close in read}
        if all(table.users.get(user) is None for table in wanted.values()) or is_person(user):
            continue
        there = _there(user, wanted, models[number], pulse.get("closed_ms", 0))
        wrong = {day: (found.get(day), there.get(day)) for day in found.keys() ^ there.keys()}
        last = date(wanted["plain"].days.today - 1)
        for day in found.keys() & there.keys():
            # who acted or was followed late: of the closes before the last one it is the windows that are exact
            near = 0.011 if day == last else 0.011 + _points(there[day], 0.2)
            if abs(found[day].score - there[day].score) > near or found[day].model != there[day].model:
                wrong[day] = found[day], there[day]
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
        for close in history(table, int(table.users.get(user) or 0)):
            moment_ms = table.days.closed_ms - (table.days.today - 1 - day_of(close.date)) * DAY_MS
            if moment_ms <= closed_ms and name_at(models, moment_ms) == name:
                found[close.date] = close
    return found


def _points(close: Close, mass: float) -> float:
    """What so much mass more gives to a score, at most."""
    by = model(close.model)
    known = mass_for(close.score, by)
    return float(hill(known + mass, by) - hill(max(known - mass, 0.0), by))
