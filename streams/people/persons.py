"""Persons: rows that are the sum of their accounts' lines. What an account sends, and what a person's row makes of it.

    account's row --- a line whenever something has changed, through the packs ---> person's row = the sum of its lines

A person's row is a row as any other: its score, its record, alerts and closes are made of it as everybody's are, so every cap
is one of the sum. Sums are made anew of all lines, never moved by differences: without a line they are what they would have been.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

import numpy as np

from streams.fold import linked
from streams.fold import persons as kernels
from streams.fold.people import MOST_CHUNK
from streams.fold.rows import GOT, TIED, UNSEEN
from streams.model.closes import calendar, touch
from streams.model.given import Given, given
from streams.model.lines import Told
from streams.model.profiles import NOTHING
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats


def keep(table: Table, told: Told) -> tuple[Slots, list[str]]:
    """Lines that have come: persons who are not there yet get a row.

    Returns the slots of those whose lines have changed, who are to be summed up, and accounts for which there is no place.
    """
    slots = table.added(*told.persons)
    taken = table.lines.put(table.extras.lines(table.cells, slots)[told.of], told, table.days.closed_ms)
    return np.unique(slots[told.of[taken > 0]]), table.lines.refused(told, taken)


def take(table: Table, tolds: Sequence[Told]) -> list[list[str]]:
    """Lines of several records, and the sums of all that changed. Returns accounts for which there is no place, of each."""
    begin_day(table)
    if not tolds:
        return []
    changed, refused = zip(*(keep(table, told) for told in tolds), strict=True)
    slots = np.unique(np.concatenate(changed))
    _sum_up(table, slots)
    table.dirty[slots] |= GOT | TIED | UNSEEN
    return list(refused)


def begin_day(table: Table) -> None:
    """A day may have closed: of some persons the row is not what they have had then, as links are ahead of the clock."""
    if table.lines.day < table.days.today:
        table.lines.day, ahead = table.days.today, table.lines.ahead
        if ahead:
            table.lines.ahead, slots = set(), np.array(sorted(ahead))
            _sum_up(table, slots)
            table.dirty[slots[table.days.lines(slots) > 0]] |= GOT | UNSEEN


def _sum_up(table: Table, slots: Slots) -> None:
    touch(table, slots, max(table.clock, table.days.closed_ms))
    sum_up(table, slots)


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
            *(steps, table.days.today, more.first_network, more.networks, done),
        )
    facts = np.full(len(slots), np.nan)
    if lines.facts_changed:
        for i, (slot, person) in enumerate(zip(slots.tolist(), of.tolist(), strict=True)):
            if person in lines.facts_changed:
                lines.facts_changed.discard(person)
                facts[i] = _facts(table, slot, person)
    _close(table, slots, of, facts)


def _close(table: Table, slots: Slots, of: Slots, facts: Floats) -> None:
    """Their last close, and what has come since."""
    ahead, days = np.zeros(len(slots), np.bool_), table.days.room_for(len(slots))
    linked.closes(
        *(days, table.cells, slots, of, table.lines.arrays, table.steps, calendar(table), table.constants),
        *(table.extras.arrays, facts, ahead),
    )
    table.lines.ahead.update(slots[ahead].tolist())


def _facts(table: Table, slot: int, person: int) -> float:
    """A person has those of its own, and those of the accounts. Returns the mass, at the last close, of those dated before it."""
    lines, model, closed_ms = table.lines, table.model, table.days.closed_ms
    own = table.profiles.get(slot, NOTHING).given(model)
    theirs = {number: given(lines.facts_of(number)) for number in lines.of(person)}
    table.extras.facts(person, together([*own, *chain.from_iterable(theirs.values())], model))
    there = (facts for number, facts in theirs.items() if lines.arrays.spans[number, 0] < closed_ms)
    then = [fact for fact in chain(own, *there) if fact.date < closed_ms]
    return math.fsum(
        fact.mass * 0.5 ** ((closed_ms - fact.date) / (model.fact(fact.name).half_life_d * DAY_MS))
        for fact in together(then, model)
    )


def together(facts: Sequence[Given], model: Model) -> list[Given]:
    """One fact a name: what those of one name give at the latest of their dates, added, and capped as one is."""
    found = {}
    for name in sorted({fact.name for fact in facts}):
        same, rule = [fact for fact in facts if fact.name == name], model.fact(name)
        date = max(fact.date for fact in same)
        mass = sum(fact.mass * 0.5 ** ((date - fact.date) / (rule.half_life_d * DAY_MS)) for fact in same)
        found[name] = Given(name, min(mass, rule.cap), date)
    return list(found.values())
