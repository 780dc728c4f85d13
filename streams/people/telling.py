"""What accounts tell their persons at a cut: a line of each that has changed, and a marker of each that left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import lines
from streams.fold.rows import DID, GOT, MET, MORE, TIED
from streams.fold.words import padded
from streams.model.chunks import Copied
from streams.model.closes import told
from streams.model.table import Table
from streams.model.users import Slots, Users
from streams.model.windows import Floats


class Telling(NamedTuple):
    """Accounts that have something to tell, and those that left, as they were at one moment; markers are first."""

    changed: Slots  #: (k + n,) numbers of those who tell, among those that changed
    persons: Slots  #: (k + n,) numbers of whom they tell, see `Extras.persons`
    accounts: Slots  #: (k + n,) slots
    numbers: NDArray[np.int64]  #: (k + n, NUMBERS) see `streams.fold.lines`
    since: Floats  #: (k + n, KEPT_SINCE)
    sketches: Copied  #: (n,)
    facts: Copied  #: (n,)
    steps: NDArray[np.int64]  #: (3,) the landmarks, in half-lives
    closed_ms: int  #: when the last close was
    names: tuple[Users, Users]  #: of persons and accounts: a name never changes

    def __len__(self) -> int:
        return len(self.persons)


def cut(table: Table, changed: Slots, marks: NDArray[np.uint8]) -> Telling:
    """Of those that changed, (n,) slots and how. Who has left tells it, and what changes while the last close may depend on it."""
    left = _left(table, changed)
    chosen, extras = np.empty(0, np.intp), table.extras
    if table.profiles:  # else nobody is anybody's account
        chosen = np.flatnonzero(table.linked(changed) & ((marks & (DID | GOT | MET | TIED)) != 0))
    slots = changed[chosen]
    of = table.cells[slots, MORE].astype(np.intp)
    places = np.concatenate([left[:, 0], chosen]).astype(np.intp)
    numbers = np.zeros((len(places), lines.NUMBERS), np.int64)
    numbers[: len(left), [0, 3, 4]], numbers[: len(left), 2] = left[:, 2:], lines.GONE
    own = extras.link[of], extras.arrays.since[of], extras.arrays.until[of]
    numbers[len(left) :, [0, 3, 4]] = np.stack(own, axis=1)
    numbers[:, 5], since, fresh = told(table, changed[places])
    numbers[fresh, 2] |= lines.FRESH
    return Telling(
        places,
        np.concatenate([left[:, 1], extras.person[of]]),
        changed[places],
        numbers,
        since,
        table.people.copied(slots),
        _facts(table, of),
        table.steps,
        table.days.closed_ms,
        (extras.persons, table.users),
    )


def _left(table: Table, changed: Slots) -> NDArray[np.int64]:
    """(k, 5): place among those that changed, numbers of person and link, from when, until when. Who told enough is forgotten."""
    found: list[tuple[int, ...]] = []
    if table.leavers:
        for place in np.flatnonzero(np.isin(changed, np.fromiter(table.leavers, np.intp))).tolist():
            slot = int(changed[place])
            left = table.profiles[slot].left
            found += [(place, table.extras.number_of(one.person), one.link, one.since, one.until) for one in left]
            if all(one.until < table.days.closed_ms for one in left):
                table.leavers.discard(slot)
    return np.array(found, np.int64).reshape(-1, 5)


def _facts(table: Table, of: Slots) -> Copied:
    """Of the users with these numbers in column MORE, as their persons get them."""
    some = np.flatnonzero(table.extras.arrays.first_fact[of])
    told, sizes = [table.extras.told.get(number, b"") for number in of[some].tolist()], np.zeros(len(of), np.int64)
    sizes[some] = np.fromiter(map(len, told), np.int64, len(told))
    return Copied(padded(b"".join(told)), sizes.cumsum())


def homes(telling: Telling, partitions: int) -> Iterator[tuple[int, Slots]]:
    """For each partition the numbers of its lines, those of one person one behind another, markers first."""
    if len(telling):
        home = np.empty(len(telling), np.int64)
        lines.homes(telling.names[0].arrays, telling.persons, partitions, home)
        order = np.lexsort((telling.persons, home))  # stable: who left and came back is there again
        for some in np.split(order, np.flatnonzero(np.diff(home[order])) + 1):
            yield int(home[some[0]]), some
