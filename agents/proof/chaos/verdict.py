"""What should have come out beside what did, user by user. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from agents.proof.documents import Documents, Hidden, boards, documents
from agents.proof.lists import lists
from streams import offline
from streams.events import Reject
from streams.model.score import at
from streams.model.table import Table
from streams.model.versions import PLAIN, Model
from streams.people.controls import parse
from streams.sources import Produced
from streams.topics import CONTROLS

Record = Mapping[str, Any]
Records = Mapping[str, Record]

COUNTED = ("engagements", "actions", "actors")
NEAR = 1e-6  # points; sums of the same numbers in another order differ by less
_SHOWN = 50
_CLOSE = 1e-4  # of a weight in a list, which has 32 bits: the order of thousands of sums matters


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


def folded(fed: Iterable[Produced], model: Model, newest_ms: int, closes_ms: int = 0) -> Table:
    """The offline fold of what was fed, in the order fed."""
    sent = list(fed)
    said = (parse(one.value, newest_ms) for one in sent if one.topic == CONTROLS.name)
    events = (one for one in sent if one.topic != CONTROLS.name)
    controls = [one for one in said if not isinstance(one, Reject)]
    return offline.fold(events, model, newest_ms=newest_ms, controls=controls, closes_ms=closes_ms)


def expected(fed: Iterable[Produced], model: Model, newest_ms: int, as_of_ms: int) -> dict[str, Record]:
    """Everyone's record at `as_of_ms` by the offline fold of what was fed."""
    return of_tables([folded(fed, model, newest_ms)], as_of_ms)


def apart(wanted: Table, tables: Iterable[Table], shown: Documents) -> dict[str, list[str]]:
    """By place, in words, what differs of topics, people and objects: lists in the rows from the fold's, where these are exact, and
    what Redis shows of them from the rows; what is hidden, from the fold's everywhere. By a model that goes by order lists are not
    compared with the fold's."""
    slots = sorted(wanted.profiles)
    hidden: Hidden = {wanted.users[slot]: wanted.profiles[slot].hidden for slot in slots}
    said = [*boards(shown, hidden)]
    for table in tables:
        if wanted.model.name == PLAIN.name:
            said += lists(table, wanted, close=_CLOSE, remembered=False)
        said += documents(shown, table, hidden)
    return {place: [one for one in said if one.startswith(f"{place}: ")] for place in ("rows", "redis")}


def of_tables(tables: Iterable[Table], as_of_ms: int) -> dict[str, Record]:
    """Everyone's record at `as_of_ms` by these rows."""
    return {one.user: orjson.loads(one.record) for table in tables for one in offline.scored(table, as_of_ms)}


def compare(wanted: Records, records: Records, model: Model, as_of_ms: int) -> Side:
    """Compare counts, and scores decayed to `as_of_ms`. A user on one side only counts with all that is theirs.

    By a model that goes by order the scores of those who are on both sides may be any.
    """
    lost = doubled = differ = 0
    examples: list[dict[str, Any]] = []
    nobody = dict.fromkeys(COUNTED, 0)
    for user in sorted(wanted.keys() | records.keys()):
        want, have = wanted.get(user), records.get(user)
        gaps = [(want or nobody)[name] - (have or nobody)[name] for name in COUNTED]
        lost += sum(max(gap, 0) for gap in gaps)
        doubled += sum(max(-gap, 0) for gap in gaps)
        apart = abs(_score(want, model, as_of_ms) - _score(have, model, as_of_ms))
        if want and have and model.name != PLAIN.name:
            apart = 0.0
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
