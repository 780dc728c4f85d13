"""The last close of persons, by event time: of the accounts that were theirs at that moment, what lay before it.

    row    = what those brought who were there at the close, and before it      their base; the close is its mass
           + what has come since the close, to all who are there now            GAINED, REVERSED
           + what those brought who were linked since, as of the close, less what those took away who left since     LINKED

So lines carry what has come since, and from when until when the account was linked. Anew of all lines, as the row is.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.day_lines import OTHERS, new_line, opened
from streams.fold.days import DAY_MS, base_mass, facts_before
from streams.fold.inforce import in_force
from streams.fold.rows import ACTED, DAYS, DID_TS, FOLLOWERS, FOR_EVER, GOT_TS, KINDS, MORE, SUMS, WEEK
from streams.fold.since import (
    ACTED_SINCE,
    CLOSE,
    FACTS_THEN,
    FOLLOWERS_SINCE,
    GAINED,
    KEPT_SINCE,
    LINKED,
    REVERSED,
)

_EXACT = 1e-9  # a close that moves by less than this part is the same, added up in another order


@part
def _there(lines, number, closed_ms):
    """Was it an account of the person at that moment?"""
    return lines.spans[number, 0] < closed_ms <= lines.spans[number, 1]


@part
def _ahead(lines, number, calendar):
    """Will it be another part of the next close than it is of the row?"""
    close, until = calendar.closed_ms + DAY_MS, lines.spans[number, 1]
    return lines.spans[number, 0] >= close or close <= until < FOR_EVER or lines.days[number] > calendar.today


@part
def _sums(since, lines, number, of_today, fresh, there, steps):
    """Add what a line has to sums of the windows that have come since the close, and to LINKED."""
    gone = lines.gone[number]
    for window in range(3):
        by, base = lines.steps[number, window] - steps[window], 0.0
        for kind in range(KINDS):
            place = 3 * kind + window
            total = lines.columns[number, SUMS + place]
            gained = total if fresh else lines.since[number, GAINED + place] if of_today else 0.0
            base += total - gained
            if not gone:
                since[GAINED + place] += np.ldexp(gained, by)
        if of_today and not fresh:
            base -= lines.since[number, REVERSED + window]
            if not gone:
                since[REVERSED + window] += np.ldexp(lines.since[number, REVERSED + window], by)
        if gone and there:
            since[LINKED + window] -= np.ldexp(base, by)
        elif not gone and not there:
            since[LINKED + window] += np.ldexp(base, by)


@kernel
def _of_lines(since, row, lines, number, steps, calendar):
    """What has come since the close to a row whose first line is that of this number.

    Returns whether anything lies before it; whether the closed form would have another close; whether the next one has to
    be looked at.
    """
    for column in range(KEPT_SINCE):
        since[column] = 0.0
    acted, followers, before, moved, ahead = 0.0, 0.0, False, False, False
    while number:
        there, gone = _there(lines, number, calendar.closed_ms), lines.gone[number] != 0
        if there or not gone:
            columns, of_today = lines.columns[number], lines.days[number] == calendar.today
            fresh = of_today and lines.fresh[number] != 0
            some = not fresh and max(columns[DID_TS], columns[GOT_TS]) > 0.0
            _sums(since, lines, number, of_today, fresh, there, steps)
            if there:
                before |= some
                if not fresh:
                    own = columns[ACTED] - (lines.since[number, ACTED_SINCE] if of_today else 0.0)
                    acted += np.ldexp(own, lines.steps[number, WEEK] - steps[WEEK])
                theirs = columns[FOLLOWERS] - (lines.since[number, FOLLOWERS_SINCE] if of_today else 0.0)
                followers += max(theirs, 0.0)
            moved |= some and (of_today or gone or not there)
        ahead |= _ahead(lines, number, calendar)
        number = np.int64(lines.after[number])
    since[ACTED_SINCE], since[FOLLOWERS_SINCE] = row[ACTED] - acted, row[FOLLOWERS] - followers
    newest = max(row[DID_TS], row[GOT_TS])
    if newest >= calendar.closed_ms:  # the closed form has none
        return before, before, ahead
    return before, moved if before else newest > 0.0, ahead


@kernel
def closes(d, cells, slots, persons, lines, steps, calendar, model, more, facts, ahead):
    """The last close of these, (n,), who were touched and summed up, anew of their lines. There is room for a line of `d` for each.

    `persons` (n,) are their numbers in column MORE, `facts` (n,) the mass of their facts then, nan: what it was. Of facts
    that have been replaced since, the line knows more. `ahead` (n,) says who is to be summed up when the next day begins.
    """
    found, then = np.empty(KEPT_SINCE), in_force(calendar, 0, model)
    for i in range(len(slots)):
        slot, today = slots[i], calendar.today
        row, line = cells[slot], np.int64(d.line[slot])
        if line < 0:
            line = opened(d, slot)
        if line and d.day[line] != today:
            continue  # of a take-over: nothing has come since
        before, apart, ahead[i] = _of_lines(found, row, lines, np.int64(lines.heads[persons[i]]), steps, calendar)
        if not line:
            if not apart:
                continue
            line = new_line(d, slot, today)
            if row[MORE] > 0.0 and np.isnan(facts[i]):
                d.since[line, FACTS_THEN] = facts_before(more, row, calendar.decays[0], then)
        since = d.since[line]
        since[:KEPT_SINCE] = found
        if not np.isnan(facts[i]):
            since[FACTS_THEN] = max(since[FACTS_THEN], facts[i])
        known, close = d.first[line] <= today, -1.0
        if before:  # else they begin anew: older closes would have a hole behind them
            close = base_mass(since, row, calendar.decays[0], then)
        if known == (close >= 0.0) and not abs(close - since[CLOSE]) > _EXACT * (1.0 + close):
            continue
        since[CLOSE] = max(close, 0.0)
        d.closes[line, today % DAYS] = since[CLOSE]
        d.first[line] = min(d.first[line], today) if close >= 0.0 else today + 1
        if close < 0.0:
            d.ledger[line, :, :] = 0.0
        d.kept[line] = 0
        if d.shown[line]:
            d.shown[line] = OTHERS
