"""What is kept of a user's days: the daily closes, and what has come since the last of them.

A day closes at a moment. The *close* is the mass then of the events before it, whenever these are read, and its score. Whoever has
events of more than one day has a line here; of everybody else all closes follow from the row by the closed form, and cost nothing.

    events       o  o     |    o   o  |         a line: the closes that are taken, up to that of `day`,
    closes                ^           ^                 and in SINCE the sums of what lies behind it

A row is touched before anything changes it: then the closes since `day` are taken, of the row as it has been since. So nobody is
looked at when a day closes. An event that comes late changes the closes that it lies before: the last one exactly, of those before
it the windows. An undo counts when it was done: a close before that stays what it was. `streams.fold.day_lines` keeps lines.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.day_lines import OTHERS, TOUCHED, new_line, opened
from streams.fold.inforce import in_force
from streams.fold.more import DATE, NEXT, NOW, fact_mass, facts_of
from streams.fold.rows import ACTED, DAYS, DID_TS, FOLLOWERS, GOT_TS, KINDS, LEDGER_DAYS, MORE, SUMS
from streams.fold.score import hill, mass_of
from streams.fold.since import (
    ACTED_SINCE,
    CLOSE,
    FACTS_THEN,
    FOLLOWERS_SINCE,
    GAINED,
    KEPT_SINCE,
    LINKED,
    OF_ACTIONS,
    OF_FACTS,
    OF_REACH,
    REVERSED,
    by_windows,
    entries_of,
    reach_of,
    taken_part,
)

NONE = -1.0  #: in place of a close: there was none
DAY_MS = 86_400_000  #: of a day


class Calendar(NamedTuple):
    """The last moments at which days closed."""

    today: int  #: the day that has begun with the last of them
    closed_ms: int  #: when that was
    decays: NDArray[np.float64]  #: (DAYS + 1, 4) what reads sums then, a day before, and so on: see `Table.decays`
    terms: NDArray[np.float64]  #: (DAYS + 1, 10) of the model in force at each: see `streams.fold.inforce`


@kernel
def mass_at(row, decays, model, more):
    """The mass of a row at a moment after its last event."""
    mass = mass_of(row, decays, model, facts_of(more, row, decays) if row[MORE] > 0.0 else 0.0)
    return mass.engagement + mass.reach + mass.participation + mass.facts


@kernel
def facts_before(more, row, decays, model):
    """The mass of all facts at a moment, of those that are dated before it."""
    total, entry = 0.0, np.int64(more.first_fact[np.int64(row[MORE])]) if row[MORE] > 0.0 else np.int64(0)
    while entry:
        if more.facts[entry, DATE] < decays[NOW]:
            total += fact_mass(more, entry, decays[NOW])
        entry = np.int64(more.facts[entry, NEXT])
    return min(total, model.facts_cap)


@part
def scored(mass, model):
    """The score of a mass, at least 1."""
    return max(hill(mass, model), 1.0)


@part
def day_of(calendar, ts):
    """The day in which a moment lies, at most today."""
    return min(calendar.today + (np.int64(ts) - calendar.closed_ms) // DAY_MS, calendar.today)


@kernel
def base_mass(since, row, decays, model):
    """The mass at the last close by what lies before it."""
    mass = 0.0
    for window in range(3):
        total = -since[REVERSED + window] - since[LINKED + window]
        for kind in range(KINDS):
            total += row[SUMS + 3 * kind + window] - since[GAINED + 3 * kind + window]
        mass += max(total * decays[window], 0.0) * model.mixture[window]
    mass += reach_of(row[FOLLOWERS] - since[FOLLOWERS_SINCE], model)
    mass += taken_part((row[ACTED] - since[ACTED_SINCE]) * decays[1], model)
    return mass + min(since[FACTS_THEN], model.facts_cap)


@kernel
def last_close(d, line, row, calendar, model):
    """The mass at the close of the line's day."""
    since, back = d.since[line], min(calendar.today - d.day[line], DAYS)
    if np.isnan(since[CLOSE]):
        since[CLOSE] = base_mass(since, row, calendar.decays[back], in_force(calendar, back, model))
        d.closes[line, d.day[line] % DAYS] = since[CLOSE]
    return since[CLOSE]


@kernel
def _book(d, line, row, calendar, model, more):
    """The entries of the day that closed first since the line's, and none for those after it: they were quiet."""
    closed = d.day[line] + 1
    for day in range(max(closed, calendar.today - LEDGER_DAYS + 1), calendar.today + 1):
        d.ledger[line, day % LEDGER_DAYS, :] = 0.0
    if closed > calendar.today - LEDGER_DAYS:
        back = calendar.today - closed
        decays, then = calendar.decays[back], in_force(calendar, back, model)
        facts = facts_of(more, row, decays) if row[MORE] > 0.0 else 0.0
        booked = d.ledger[line, closed % LEDGER_DAYS]
        entries_of(row, d.since[line], facts, decays, then, booked)
        if d.first[line] > d.day[line]:  # there was no close before: all of it came on this day
            booked[OF_REACH], booked[OF_FACTS] = reach_of(row[FOLLOWERS], then), min(facts, then.facts_cap)


@kernel
def _roll(d, line, row, calendar, model, more):
    """The closes since the line's day are taken, of a row that has not changed since; then nothing has come since the last."""
    last_close(d, line, row, calendar, model)
    since = d.since[line]
    _book(d, line, row, calendar, model, more)
    for day in range(max(d.day[line] + 1, calendar.today - DAYS + 1), calendar.today + 1):
        back = calendar.today - day
        since[CLOSE] = mass_at(row, calendar.decays[back], in_force(calendar, back, model), more)
        d.closes[line, day % DAYS] = since[CLOSE]
    for column in range(KEPT_SINCE):
        since[column] = 0.0
    most = in_force(calendar, 0, model).facts_cap
    since[FACTS_THEN] = min(facts_of(more, row, calendar.decays[0]), most) if row[MORE] > 0.0 else 0.0
    d.day[line], d.first[line] = calendar.today, max(d.first[line], calendar.today - DAYS + 1)


@kernel
def _begin(d, slot, row, other, calendar, model, more):
    """A line for somebody whose events have all been of one day, `other`. There is room."""
    line = new_line(d, slot, other)
    since = d.since[line]
    for column in range(3 * KINDS):  # all of it has come since the close before
        since[GAINED + column] = row[SUMS + column]
    since[ACTED_SINCE], since[FOLLOWERS_SINCE] = row[ACTED], row[FOLLOWERS]
    back = min(calendar.today - other, DAYS)
    decays = calendar.decays[back]
    if row[MORE] > 0.0:
        if 0 < more.stated[np.int64(row[MORE])] < decays[NOW]:
            since[FOLLOWERS_SINCE] = 0.0  # they were there before
        since[FACTS_THEN] = facts_before(more, row, decays, in_force(calendar, back, model))
    if other < calendar.today:
        _roll(d, line, row, calendar, model, more)
    return line


@part
def touched(d, slot, row, ts, calendar, model, more):
    """The line of a row that something of a moment is about to change, 0: none. There is room for one."""
    line = np.int64(d.line[slot])
    if line < 0:
        line = opened(d, slot)
    if line == 0:
        newest = max(row[DID_TS], row[GOT_TS])
        if newest > 0.0:
            other = day_of(calendar, newest)
            if day_of(calendar, ts) != other:
                line = _begin(d, slot, row, other, calendar, model, more)
    elif d.day[line] < calendar.today:
        _roll(d, line, row, calendar, model, more)
    d.state[line] = TOUCHED
    return line


@kernel
def _book_late(d, line, row, closed, entry, grown, acted, followers, calendar, now):
    """The same of the entries of a closed day: exactly of the last one, of those before it the windows."""
    if not calendar.today - LEDGER_DAYS < closed <= d.day[line]:
        return
    since, booked, back = d.since[line], d.ledger[line, closed % LEDGER_DAYS], calendar.today - closed
    decays, model = calendar.decays[back], in_force(calendar, back, now)
    booked[entry] += by_windows(grown, 0, decays, model)
    if closed == d.day[line]:
        then = row[FOLLOWERS] - since[FOLLOWERS_SINCE]
        booked[OF_REACH] += reach_of(then, model) - reach_of(then - followers, model)
        then = (row[ACTED] - since[ACTED_SINCE]) * decays[1]
        booked[OF_ACTIONS] += taken_part(then, model) - taken_part(then - acted * decays[1], model)


@kernel
def late(d, line, row, ts, entry, grown, acted, followers, calendar, model):
    """Something came that lies before the last close: to the sums of the windows, (3,), and of own actions and followers.

    The row has it already. `entry` is which one of the day it belongs to, for what is in the windows.
    """
    since = d.since[line]
    _book_late(d, line, row, day_of(calendar, ts) + 1, entry, grown, acted, followers, calendar, model)
    since[CLOSE] = np.nan
    d.kept[line] = 0
    if d.shown[line]:
        d.shown[line] = OTHERS
    first = max(day_of(calendar, ts) + 1, calendar.today - DAYS + 1)
    while d.first[line] > first:
        d.first[line] -= 1
        d.closes[line, d.first[line] % DAYS] = 0.0
    if grown[0] == 0.0 and grown[1] == 0.0 and grown[2] == 0.0:
        return
    for close in range(first, calendar.today):
        back = calendar.today - close
        d.closes[line, close % DAYS] += by_windows(grown, 0, calendar.decays[back], in_force(calendar, back, model))


@kernel
def touch(d, cells, slots, ts, calendar, model, more):
    """Touch these, (n,), before something of a moment changes them. There is room for as many lines."""
    for i in range(len(slots)):
        touched(d, slots[i], cells[slots[i]], ts, calendar, model, more)
