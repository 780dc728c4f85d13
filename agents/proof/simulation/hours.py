"""Changes in an hour after a run: of what `state` keeps, beside the plain fold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from streams.fold.rows import MARK_MS
from streams.model.closes import hour_ago
from streams.model.inforce import InForce
from streams.model.profiles import is_person
from streams.model.table import Table


def hours(table: Table, wanted: Table) -> Iterator[str]:
    """Everybody's score an hour ago, by the rows of a partition and by those of the fold, now and when the next marks have passed.

    Of persons events tell nothing about when; facts and numbers of followers count from when they were known.
    """
    table.models = wanted.models = (InForce(wanted.model.name, 0),)
    users = [user for user in table.users if not is_person(user) and wanted.users.get(user) is not None]
    users = [user for user in users if slot_of(table, user) not in table.profiles]
    for passed in range(4):
        now_ms = wanted.clock + passed * MARK_MS
        found, there = (
            hour_ago(one, np.array([slot_of(one, user) for user in users], np.intp), now_ms) for one in (table, wanted)
        )
        for user, score, other in zip(users, found.tolist(), there.tolist(), strict=True):
            if abs(score - other) > 1e-5:
                yield f"rows: {user} had the score {score} an hour before {now_ms} instead of {other}"


def slot_of(table: Table, user: str) -> int:
    """Of somebody who is there."""
    return int(table.users.get(user) or 0)
