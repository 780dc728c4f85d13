"""Rows of persons: lines of accounts that have come, and their sum. 0.3 us a line to keep, 0.7 us a line that is summed up.

row = sum of the lines, each 2^(its landmark - ours) times, with no account below 0 followers; people are the union of theirs
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.days import DAY_MS
from streams.fold.lines import FRESH, GONE
from streams.fold.more import CODE, NEXT, OF_SINCE, OF_WINDOWS
from streams.fold.names import start_of
from streams.fold.people import MOST_CHUNK, SORTS, UNIT, clear, is_full, people_of, unite_one
from streams.fold.people import put as put_people
from streams.fold.record import MOST_ENTRY
from streams.fold.rows import ACTED, ACTORS, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS, LINE, SUMS, WEEK
from streams.fold.since import KEPT_SINCE, LINKED

MOST_ACCOUNTS = 64  #: of a person, those that left included
OLDER, REFUSED = -1, -2  #: in the place of a line's number: it was known, or found no place


@kernel
def _before(names, i, k):
    """Is name i before name k, byte by byte? (So are code points.)"""
    a, b = start_of(names, i), start_of(names, k)
    n, m = start_of(names, i + 1) - a, start_of(names, k + 1) - b
    for at in range(min(n, m)):
        if names.text[a + at] != names.text[b + at]:
            return names.text[a + at] < names.text[b + at]
    return n < m


@kernel
def _place(lines, person, full):
    """A number for one more line of a person; of one who has as many as may be (`full`) that of the oldest marker; 0: none."""
    if not full:
        number = lines.used[0]
        lines.used[0] = number + 1
        return number
    number, oldest = np.int64(lines.heads[person]), np.int64(0)
    while number:
        if lines.gone[number]:
            older = lines.versions[number] < lines.versions[oldest]
            if not oldest or older:  # of equals the first by name
                oldest = number
        number = np.int64(lines.after[number])
    if oldest:
        before = np.int64(lines.heads[person])
        if before == oldest:
            lines.heads[person] = lines.after[oldest]
        else:
            while lines.after[before] != oldest:
                before = np.int64(lines.after[before])
            lines.after[before] = lines.after[oldest]
    return oldest


@kernel
def _insert(lines, names, person, number, account):
    """A line takes its place among those of a person, by name of the account."""
    lines.accounts[number] = account
    before, after = np.int64(0), np.int64(lines.heads[person])
    while after and _before(names, lines.accounts[after], account):
        before, after = after, np.int64(lines.after[after])
    lines.after[number] = after
    if before:
        lines.after[before] = number
    else:
        lines.heads[person] = number


@part
def _began(lines, number, start, closed_ms):
    """When an account that is linked from `start` on, and had a line before, became one: earlier, if no close lies in between."""
    before, until = lines.spans[number, 0], lines.spans[number, 1]
    if until >= closed_ms and (start - closed_ms) // DAY_MS <= (until - closed_ms) // DAY_MS:
        return min(before, start)
    return start


@kernel
def take(lines, people, names, persons, accounts, a, numbers, steps, columns, since, places, closed_ms, first, taken):
    """Keep what is newer than what is here, from line `first` on; line i is of `accounts[i]` and of the person `persons[i]`.

    The rest is as `streams.fold.told.read` gives it. `taken` (n,) gets the number under which each is kept, OLDER or REFUSED.
    There is room for as many lines. The last close was at `closed_ms`. Returns how far it came before the arena of `people` was
    full.
    """
    for i in range(first, len(persons)):
        if is_full(people):
            return i
        person, account, link, version = persons[i], accounts[i], numbers[i, 0], numbers[i, 1]
        gone, start = numbers[i, 2] & GONE, numbers[i, 3]
        number, count = np.int64(lines.heads[person]), 0
        while number and lines.accounts[number] != account:
            number, count = np.int64(lines.after[number]), count + 1
        if not number:
            number = _place(lines, person, count >= MOST_ACCOUNTS)
            if not number:
                taken[i] = OLDER if gone else REFUSED
                continue
            _insert(lines, names, person, number, account)
            lines.facts[number, 0] = lines.facts[number, 1] = 0
            lines.stale[person] = 1
        elif link < lines.links[number] or (link == lines.links[number] and version <= lines.versions[number]):
            taken[i] = OLDER
            continue
        else:
            start = _began(lines, number, start, closed_ms)
            if lines.gone[number] != gone:
                lines.stale[person] = 1
        taken[i] = number
        lines.links[number], lines.versions[number], lines.gone[number] = link, version, gone
        lines.spans[number, 0], lines.spans[number, 1], lines.days[number] = start, numbers[i, 4], numbers[i, 5]
        lines.fresh[number] = numbers[i, 2] & FRESH
        for window in range(3):
            lines.steps[number, window] = steps[i, window]
        for column in range(LINE):
            lines.columns[number, column] = columns[i, column]
        for column in range(KEPT_SINCE):
            lines.since[number, column] = since[i, column]
        if a[places[i, 0]]:
            put_people(people, number, a, places[i, 0])
        else:
            clear(people, number)
    return len(persons)


@part
def _add(row, lines, number, steps, today, networks, entry):
    """A line to a row, and to what its network gave."""
    of_today = lines.days[number] == today
    for window in range(3):
        by = lines.steps[number, window] - steps[window]
        if of_today and not lines.fresh[number]:
            for column in range(window, LINKED, 3):
                networks[entry, OF_SINCE + window] += np.ldexp(lines.since[number, column], by)
        for column in range(SUMS + window, ENGAGEMENTS, 3):
            x = lines.columns[number, column]
            if x != 0.0:
                x = np.ldexp(x, by)
                row[column] += x
                networks[entry, OF_WINDOWS + window] += x
                if of_today and lines.fresh[number]:
                    networks[entry, OF_SINCE + window] += x
    row[ACTED] += np.ldexp(lines.columns[number, ACTED], lines.steps[number, WEEK] - steps[WEEK])
    for column in range(ACTED + 1, DID_TS):
        row[column] += lines.columns[number, column]
    row[ENGAGEMENTS] += lines.columns[number, ENGAGEMENTS]
    row[FOLLOWERS] += max(lines.columns[number, FOLLOWERS], 0.0)
    for column in (DID_TS, GOT_TS):
        row[column] = max(row[column], lines.columns[number, column])


@kernel
def sum_up(cells, slots, persons, lines, theirs, people, steps, today, firsts, networks, first):
    """Make the rows of `slots`, from number `first` on, and what their networks gave, anew of their lines.

    `persons` are their numbers in column MORE, `theirs` the sketches of lines, `steps` the landmarks of the table in half-lives,
    `today` the day that has begun, `firsts` and `networks` are of `streams.fold.more`. Returns how far it came before the arena of
    `people` was full.
    """
    for i in range(first, len(slots)):
        if people.lists[SORTS] * UNIT + 2 * MOST_CHUNK > len(people.arena):
            return i
        row, slot = cells[slots[i]], slots[i]
        for column in range(LINE):
            row[column] = 0.0
        clear(people, slot)
        entry = np.int64(firsts[persons[i]])
        while entry:
            for window in range(3):
                networks[entry, OF_WINDOWS + window] = networks[entry, OF_SINCE + window] = 0.0
            entry = np.int64(networks[entry, NEXT])
        number = np.int64(lines.heads[persons[i]])
        while number:
            if not lines.gone[number]:
                entry, code = np.int64(firsts[persons[i]]), lines.networks[lines.accounts[number]]
                while networks[entry, CODE] != code:
                    entry = np.int64(networks[entry, NEXT])
                _add(row, lines, number, steps, today, networks, entry)
                unite_one(people, slot, theirs, number)
            number = np.int64(lines.after[number])
        row[ACTORS] = people_of(people, slot)
    return len(slots)


@kernel
def connect(persons, lines, firsts, networks, used, labels, sizes):
    """Give persons an entry for each network that they have an account on, in their order by name; `used` (1,) of `networks` are.

    Entry 0 is none: the free ones hang on it. There is room for one a line. `sizes` (by number in column MORE) gets the bytes
    that they add to a record at most.
    """
    for person in persons:
        entry = np.int64(firsts[person])
        while entry:
            after = np.int64(networks[entry, NEXT])
            networks[entry, NEXT], networks[0, NEXT] = networks[0, NEXT], entry
            entry = after
        firsts[person], last, sizes[person] = 0, np.int64(0), 0
        number = np.int64(lines.heads[person])
        while number:
            code = lines.networks[lines.accounts[number]]
            # accounts come by name, so those of one network are one behind another
            if not lines.gone[number] and (not last or networks[last, CODE] != code):
                entry = np.int64(networks[0, NEXT])
                if entry:
                    networks[0, NEXT] = networks[entry, NEXT]
                else:
                    entry = used[0]
                    used[0] += 1
                networks[entry, CODE], networks[entry, NEXT] = code, 0
                if last:
                    networks[last, NEXT] = entry
                else:
                    firsts[person] = entry
                last = entry
                sizes[person] += MOST_ENTRY + 2 * (labels[code, 1] - labels[code, 0])
            number = np.int64(lines.after[number])
        lines.stale[person] = 0
