"""What should have come out beside what did, user by user. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from streams import offline
from streams.events import Reject
from streams.model.score import at
from streams.model.table import Table
from streams.model.versions import Model
from streams.people.controls import parse
from streams.sources import Produced
from streams.topics import CONTROLS

Record = Mapping[str, Any]
Records = Mapping[str, Record]

COUNTED = ("engagements", "actions", "actors")
NEAR = 1e-6  # points; sums of the same numbers in another order differ by less
_SHOWN = 50


class Side(NamedTuple):
    """How one place compares with the offline fold."""

    lost: int  #: engagements, actions and people missing, over all users
    doubled: int  #: engagements, actions and people too many
    differ: int  #: users whose score is more than `NEAR` away
    examples: list[dict[str, Any]]  #: some users with what was expected and what was found

    @property
    def ok(self) -> bool:
        """Is everything as it must be?"""
        return not (self.lost or self.doubled or self.differ)


def expected(fed: Iterable[Produced], model: Model, newest_ms: int, as_of_ms: int) -> dict[str, Record]:
    """Everyone's record at `as_of_ms` by the offline fold of what was fed, in the order fed."""
    sent = list(fed)
    said = (parse(one.value, newest_ms) for one in sent if one.topic == CONTROLS.name)
    events = (one for one in sent if one.topic != CONTROLS.name)
    controls = [one for one in said if not isinstance(one, Reject)]
    return of_tables([offline.fold(events, model, newest_ms=newest_ms, controls=controls)], as_of_ms)


def of_tables(tables: Iterable[Table], as_of_ms: int) -> dict[str, Record]:
    """Everyone's record at `as_of_ms` by these rows."""
    return {one.user: orjson.loads(one.record) for table in tables for one in offline.scored(table, as_of_ms)}


def compare(wanted: Records, records: Records, model: Model, as_of_ms: int) -> Side:
    """Compare counts, and scores decayed to `as_of_ms`. A user on one side only counts with all that is theirs."""
    lost = doubled = differ = 0
    examples: list[dict[str, Any]] = []
    nobody = dict.fromkeys(COUNTED, 0)
    for user in sorted(wanted.keys() | records.keys()):
        want, have = wanted.get(user), records.get(user)
        gaps = [(want or nobody)[name] - (have or nobody)[name] for name in COUNTED]
        lost += sum(max(gap, 0) for gap in gaps)
        doubled += sum(max(-gap, 0) for gap in gaps)
        apart = abs(_score(want, model, as_of_ms) - _score(have, model, as_of_ms))
        differ += apart > NEAR
        if (any(gaps) or apart > NEAR) and len(examples) < _SHOWN:
            examples.append({"user": user, "apart": apart, "expected": want, "found": have})
    return Side(lost, doubled, differ, examples)


def latest(versions: Iterable[tuple[str, Record]]) -> tuple[dict[str, Record], int]:
    """The record of the highest version of each user, and how often a record was not newer than the one before it."""
    newest: dict[str, Record] = {}
    back = 0
    for user, record in versions:
        known = newest.get(user)
        if known is not None and record["version"] <= known["version"]:
            back += 1
        else:
            newest[user] = record
    return newest, back


def _score(record: Record | None, model: Model, as_of_ms: int) -> float:
    return float(at(dict(record), model, as_of_ms)["score"]) if record else 0.0
