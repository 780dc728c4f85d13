"""Persons: rows that are the sum of their accounts' lines. What an account sends, and what a person's row makes of it.

    account's row --- a line whenever something has changed, through the packs ---> person's row = the sum of its lines

A person's row is a row as any other: its score, its record, alerts and closes are made of it as everybody's are, so every cap
is one of the sum. Sums are made anew of all lines, never moved by differences: without a line they are what they would have been.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.fold import persons as kernels
from streams.fold.people import MOST_CHUNK
from streams.fold.rows import GOT, TIED, UNSEEN
from streams.model.closes import touch
from streams.model.given import Given, given
from streams.model.lines import Told
from streams.model.profiles import NOTHING
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, Model


def keep(table: Table, told: Told) -> tuple[Slots, list[str]]:
    """Lines that have come: persons who are not there yet get a row.

    Returns the slots of those whose lines have changed, who are to be summed up, and accounts for which there is no place.
    """
    slots = table.added(*told.persons)
    taken = table.lines.put(table.extras.lines(table.cells, slots)[told.of], told)
    return np.unique(slots[told.of[taken > 0]]), table.lines.refused(told, taken)


def take(table: Table, tolds: Sequence[Told]) -> list[list[str]]:
    """Lines of several records, and the sums of all that changed. Returns accounts for which there is no place, of each."""
    if not tolds:
        return []
    changed, refused = zip(*(keep(table, told) for told in tolds), strict=True)
    touched = np.unique(np.concatenate(changed))
    touch(table, touched, max(table.clock, table.days.closed_ms))
    sum_up(table, touched)
    table.dirty[touched] |= GOT | TIED | UNSEEN
    return list(refused)


def sum_up(table: Table, slots: Slots) -> None:
    """Make the rows of these persons, their people, networks and facts anew of their lines."""
    lines, extras, done = table.lines, table.extras, 0
    of = extras.lines(table.cells, slots)
    arrays = lines.reaching(of)
    stale = arrays.stale[of] != 0
    if stale.any():
        extras.connect(of[stale], arrays, lines.names)
    more, steps = extras.arrays, table.steps
    while done < len(slots):
        done = kernels.sum_up(
            *(table.cells, slots, of, arrays, lines.people.arrays, table.people.room_for(2 * MOST_CHUNK)),
            *(steps, more.first_network, more.networks, done),
        )
    if lines.facts_changed:
        for slot, person in zip(slots.tolist(), of.tolist(), strict=True):
            if person in lines.facts_changed:
                lines.facts_changed.discard(person)
                _facts(table, slot, person)


def _facts(table: Table, slot: int, person: int) -> None:
    """A person has those of its own, and those of the accounts."""
    lines = table.lines
    own = table.profiles.get(slot, NOTHING).given(table.model)
    theirs = [fact for number in lines.of(person) for fact in given(lines.facts_of(number))]
    table.extras.facts(person, together([*own, *theirs], table.model))


def together(facts: Sequence[Given], model: Model) -> list[Given]:
    """One fact a name: what those of one name give at the latest of their dates, added, and capped as one is."""
    found = {}
    for name in sorted({fact.name for fact in facts}):
        same, rule = [fact for fact in facts if fact.name == name], model.fact(name)
        date = max(fact.date for fact in same)
        mass = sum(fact.mass * 0.5 ** ((date - fact.date) / (rule.half_life_d * DAY_MS)) for fact in same)
        found[name] = Given(name, min(mass, rule.cap), date)
    return list(found.values())
