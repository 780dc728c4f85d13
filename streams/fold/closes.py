"""Daily closes, as they are read: from the line that somebody has, or by the closed form. `streams.fold.days` takes them.

Lines of whom a kernel is asked about are open: `Days.lines` of `streams.model.days` sees to it.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.day_lines import OTHERS
from streams.fold.days import DAY_MS, NONE, facts_before, last_close, mass_at, scored
from streams.fold.inforce import in_force
from streams.fold.rows import DAYS, DID_TS, FOLLOWERS, GOT_TS, LEDGER_DAYS, MORE
from streams.fold.since import CLOSE, FACTS_THEN, FOLLOWERS_SINCE, KEPT_SINCE, OF_FACTS


@kernel
def read(d, cells, slots, calendar, model, back, out):
    """Fill in, (n, m): the closes so many days before the last, back (m,), that lines have; NONE; nan: the closed form has it."""
    for i in range(len(slots)):
        line = np.int64(d.line[slots[i]])
        if line:  # `state` and Redis are told of it, too
            last_close(d, line, cells[slots[i]], calendar, model)
        for j in range(len(back)):
            day = calendar.today - back[j]
            if line == 0 or day > d.day[line]:
                out[i, j] = np.nan
            elif day < d.first[line]:
                out[i, j] = NONE
            elif day == d.day[line]:
                out[i, j] = scored(d.since[line, CLOSE], in_force(calendar, back[j], model))
            else:
                out[i, j] = scored(np.float64(d.closes[line, day % DAYS]), in_force(calendar, back[j], model))


@part
def close_of(known, row, moment_ms, decays, model, more):
    """A close that `read` gave, by the closed form if need be; NONE."""
    if not np.isnan(known):
        return known
    newest = max(row[DID_TS], row[GOT_TS])
    if newest >= moment_ms or newest == 0.0:
        return NONE
    return scored(mass_at(row, decays, model, more), model)


@kernel
def fill(cells, slots, known, calendar, back, model, more):
    """Compute what `read` has left to the closed form of the closes so many days back, (m,), in `known` (n, m)."""
    for i in range(len(slots)):
        for j in range(len(back)):
            moment = np.float64(calendar.closed_ms - back[j] * DAY_MS)
            then = in_force(calendar, back[j], model)
            known[i, j] = close_of(known[i, j], cells[slots[i]], moment, calendar.decays[back[j]], then, more)


@kernel
def scores(masses, first, calendar, model, out):
    """The scores (n,) of masses at the closes since the beginning of the day `first`."""
    for i in range(len(masses)):
        back = min(calendar.today - first - i, DAYS)
        out[i] = scored(np.float64(masses[i]), in_force(calendar, back, model))


@kernel
def copied(d, slots, out):
    """What has come since the last close of these, (n, SINCE) or its first columns; returns its day (n,); 0: nobody's.

    In place of a close that there was not: NONE.
    """
    days = np.zeros(len(slots), np.int64)
    for i in range(len(slots)):
        line = np.int64(d.line[slots[i]])
        if line:
            days[i] = d.day[line]
            for column in range(out.shape[1]):
                out[i, column] = d.since[line, column]
            if out.shape[1] > CLOSE and d.first[line] > d.day[line]:
                out[i, CLOSE] = NONE
    return days


@kernel
def told(d, cells, slots, calendar, more, out, fresh):
    """What accounts tell their persons, (n, KEPT_SINCE): what has come since the last close; returns its day (n,); 0: nothing.

    `fresh` (n,) says that nothing lies before it: then all that they have came since, but for followers, which are told.
    """
    days = copied(d, slots, out)
    for i in range(len(slots)):
        line, row = np.int64(d.line[slots[i]]), cells[slots[i]]
        fresh[i] = line > 0 and d.first[line] > d.day[line]
        if line:
            continue
        newest = max(row[DID_TS], row[GOT_TS])
        for column in range(KEPT_SINCE):
            out[i, column] = 0.0
        if newest == 0.0 or newest >= calendar.closed_ms:
            days[i], fresh[i] = calendar.today, 1
            if row[MORE] == 0.0 or not 0 < more.stated[np.int64(row[MORE])] < calendar.closed_ms:
                out[i, FOLLOWERS_SINCE] = row[FOLLOWERS]
    return days


@kernel
def facts_then(d, cells, slots, calendar, model, more):
    """The last close of these, (n,), is computed anew, with the facts that are known now."""
    for i in range(len(slots)):
        line, row = np.int64(d.line[slots[i]]), cells[slots[i]]
        if line:
            back = min(calendar.today - d.day[line], DAYS)
            facts = facts_before(more, row, calendar.decays[back], in_force(calendar, back, model))
            if d.first[line] <= d.day[line]:
                d.ledger[line, d.day[line] % LEDGER_DAYS, OF_FACTS] += facts - d.since[line, FACTS_THEN]
            d.since[line, FACTS_THEN] = facts
            d.since[line, CLOSE] = np.nan
            d.kept[line] = 0
            if d.shown[line]:
                d.shown[line] = OTHERS
