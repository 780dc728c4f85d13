"""Persons: rows that are the sum of their accounts' lines. What an account sends, and what a person's row makes of it.

    account's row --- a line whenever something has changed, through the packs ---> person's row = the sum of its lines

A person's row is a row as any other: its score, its record, alerts and closes are made of it as everybody's are, so every cap
is one of the sum. Sums are made anew of all lines, never moved by differences: without a line they are what they would have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import orjson

from streams.fold.rows import (
    ACTED,
    ACTORS,
    DID_TS,
    ENGAGEMENTS,
    FOLLOWERS,
    GOT,
    GOT_TS,
    KINDS,
    LINE,
    SUMS,
    TIED,
    UNSEEN,
    WEEK,
)
from streams.model.extras import Given
from streams.model.lines import Lines, Told
from streams.model.profiles import NOTHING
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats

_WINDOWS = 3


def take(table: Table, told: Told) -> list[str]:
    """Lines that have come: persons who are not there yet get a row. Returns accounts for which there is no place."""
    slots = table.slots(told.persons)
    touched = table.lines.put(slots, told)
    if len(touched):
        sum_up(table, touched.tolist())
        table.dirty[touched] |= GOT | TIED | UNSEEN
    refused, table.lines.refused = table.lines.refused, []
    return refused


def sum_up(table: Table, slots: Sequence[int]) -> None:
    """Make the rows of these persons, their people, networks and facts anew of their lines."""
    lines = table.lines
    numbers = [lines.of(slot) for slot in slots]
    live = [[number for number in own if not lines.gone[number]] for own in numbers]
    flat = np.array([number for own in live for number in own], np.intp)
    bounds = np.cumsum([0, *map(len, live)])
    columns = _moved(lines, flat, table.steps)
    places = np.asarray(slots, np.intp)
    with_lines = np.array([len(own) > 0 for own in live])
    rows = np.zeros((len(slots), LINE))
    if len(flat):
        starts = bounds[:-1][with_lines]
        rows[with_lines] = np.add.reduceat(columns, starts, axis=0)
        for column in (DID_TS, GOT_TS):
            rows[with_lines, column] = np.maximum.reduceat(columns[:, column], starts)
    rows[:, ACTORS] = table.people.unite(places, lines.people, flat, bounds)
    table.cells[places, :LINE] = rows
    windows = columns[:, SUMS:ENGAGEMENTS].reshape(len(flat), KINDS, _WINDOWS).sum(axis=1).tolist()
    for slot, own, (start, end) in zip(slots, live, pairwise(bounds.tolist()), strict=True):
        _beside(table, slot, own, windows[start:end])


def _moved(lines: Lines, numbers: Slots, steps: np.ndarray) -> Floats:
    """The columns of lines for landmarks of `steps`; nobody has fewer than no followers, so that a link lowers nothing."""
    columns = lines.columns[numbers]
    by = lines.steps[numbers] - steps
    sums = columns[:, SUMS:ENGAGEMENTS].reshape(len(numbers), KINDS, _WINDOWS)
    columns[:, SUMS:ENGAGEMENTS] = np.ldexp(sums, by[:, None, :]).reshape(len(numbers), KINDS * _WINDOWS)
    columns[:, ACTED] = np.ldexp(columns[:, ACTED], by[:, WEEK])
    columns[:, FOLLOWERS] = np.maximum(columns[:, FOLLOWERS], 0.0)
    return columns


def _beside(table: Table, slot: int, numbers: Sequence[int], windows: Sequence[Sequence[float]]) -> None:
    """What a person has beside the row: networks, facts, the names of the accounts."""
    lines, extras = table.lines, table.extras
    line = extras.line(table.cells, slot)
    networks: dict[str, Sequence[float]] = {}  # accounts come by name, so networks do
    for number, (day, week, quarter) in zip(numbers, windows, strict=True):
        name = lines.networks[number]
        before = networks.get(name, (0.0, 0.0, 0.0))
        networks[name] = before[0] + day, before[1] + week, before[2] + quarter
    extras.networks(line, networks)
    own_facts = table.profiles.get(slot, NOTHING).given(table.model)
    if own_facts or any(number in lines.facts for number in numbers) or extras.arrays.first_fact[line]:
        given = [*own_facts, *(fact for number in numbers for fact in lines.facts.get(number, ()))]
        if given != lines.known.get(slot):
            lines.known[slot] = given
            extras.facts(line, together(given, table.model))
    if numbers != lines.summed.get(slot, []):
        lines.summed[slot] = list(numbers)
        extras.ends(line, member("accounts", [lines.accounts[number] for number in numbers]) if numbers else b"")


def together(facts: Sequence[Given], model: Model) -> list[Given]:
    """One fact a name: what those of one name give at the latest of their dates, added, and capped as one is."""
    found = {}
    for name in sorted({fact.name for fact in facts}):
        same, rule = [fact for fact in facts if fact.name == name], model.fact(name)
        date = max(fact.date for fact in same)
        mass = sum(fact.mass * 0.5 ** ((date - fact.date) / (rule.half_life_d * DAY_MS)) for fact in same)
        found[name] = Given(name, min(mass, rule.cap), date)
    return list(found.values())


def member(name: str, value: object) -> bytes:
    """A member of a JSON object, with the comma before it."""
    return b"," + orjson.dumps(name) + b":" + orjson.dumps(value)
