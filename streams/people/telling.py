"""What accounts tell their persons at a cut: a line of each that has changed, and a marker of each that left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import lines
from streams.fold.rows import DID, GOT, MET, MORE, TIED
from streams.fold.words import padded
from streams.model.memory import Copied
from streams.model.table import Table
from streams.model.users import Slots, Users


class Telling(NamedTuple):
    """Accounts that have something to tell, and those that left, as they were at one moment; markers are first."""

    changed: Slots  #: (n,) numbers of those who tell, among those that changed
    persons: Slots  #: (k + n,) numbers of whom they tell, see `Extras.persons`
    accounts: Slots  #: (k + n,) slots
    links: NDArray[np.int64]  #: (k + n,)
    sketches: Copied  #: (n,)
    facts: Copied  #: (n,)
    steps: NDArray[np.int64]  #: (3,) the landmarks, in half-lives
    names: tuple[Users, Users]  #: of persons and accounts: a name never changes

    def __len__(self) -> int:
        return len(self.persons)


def cut(table: Table, changed: Slots, marks: NDArray[np.uint8]) -> Telling:
    """Of those that changed, (n,) slots and how; who is known to have left is told once."""
    unlinked, table.unlinked = np.array(table.unlinked, np.int64).reshape(-1, 3), []
    chosen, extras = np.empty(0, np.intp), table.extras
    if table.profiles:  # else nobody is anybody's account
        chosen = np.flatnonzero(table.linked(changed) & ((marks & (DID | GOT | MET | TIED)) != 0))
    slots = changed[chosen]
    of = table.cells[slots, MORE].astype(np.intp)
    return Telling(
        chosen,
        np.concatenate([unlinked[:, 0], extras.person[of]]),
        np.concatenate([unlinked[:, 1], slots]),
        np.concatenate([unlinked[:, 2], extras.link[of]]),
        table.people.copied(slots),
        _facts(table, of),
        table.steps,
        (extras.persons, table.users),
    )


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
