"""What accounts tell their persons at a cut: a line of each that has changed, and a marker of each that left."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.rows import DID, GOT, LINE, MET, TIED
from streams.model.lines import Told
from streams.model.memory import Copied
from streams.model.profiles import Profile
from streams.model.table import Table, Unlinked
from streams.model.users import Slots
from streams.model.versions import Model
from streams.model.windows import Floats
from streams.partitioner import partition_of

_home = lru_cache(65_536)(partition_of)


class Telling(NamedTuple):
    """Accounts that have something to tell, and those that left, as they were at one moment."""

    changed: Slots  #: (n,) their numbers among those that changed
    accounts: list[str]
    profiles: list[Profile]
    sketches: Copied
    steps: NDArray[np.int64]  #: (3,) the landmarks, in half-lives
    unlinked: list[Unlinked]
    model: Model


def cut(table: Table, changed: Slots, marks: NDArray[np.uint8]) -> Telling:
    """Of those that changed, (n,) slots and how; who is known to have left is told once."""
    unlinked, table.unlinked = table.unlinked, []
    chosen = np.empty(0, np.intp)
    if table.profiles:  # else nobody is anybody's account
        chosen = np.flatnonzero(table.linked(changed) & ((marks & (DID | GOT | MET | TIED)) != 0))
    slots = changed[chosen]
    profiles = [table.profiles[slot] for slot in slots.tolist()]
    accounts = table.users.of(slots)
    return Telling(chosen, accounts, profiles, table.people.copied(slots), table.steps, unlinked, table.model)


def homes(telling: Telling, rows: Floats, version: int, partitions: int) -> Iterator[tuple[int, Told]]:
    """The lines for each partition, in order; `rows` are those of the changed, (n, WIDTH)."""
    told = _told(telling, rows, version)
    home = np.array([_home(person, partitions) for person in told.persons], np.intp)
    if len(home):
        order = np.argsort(home, kind="stable")
        told, home = told.at(order), home[order]
        starts = np.flatnonzero(np.diff(home, prepend=-1))
        for start, end in pairwise([*starts.tolist(), len(home)]):
            yield int(home[start]), told.between(start, end)


def _told(telling: Telling, rows: Floats, version: int) -> Told:
    """Markers first: who left and came back is there again."""
    gone, n = telling.unlinked, len(telling.accounts)
    k = len(gone)
    nobody = np.zeros(k, np.uint8)
    text = np.concatenate([nobody, telling.sketches.text])
    ends = np.concatenate([np.arange(1, k + 1), telling.sketches.ends + k])
    return Told(
        [one.account for one in gone] + telling.accounts,
        [one.person for one in gone] + [profile.person for profile in telling.profiles],
        np.array([one.link for one in gone] + [profile.link for profile in telling.profiles], np.int64),
        np.full(k + n, version, np.int64),
        np.arange(k + n) < k,
        np.tile(telling.steps, (k + n, 1)),
        np.concatenate([np.zeros((k, LINE)), rows[telling.changed, :LINE]]),
        Copied(text, ends.astype(np.int64)),
        [[] for _ in gone] + [profile.given(telling.model) for profile in telling.profiles],
    )
