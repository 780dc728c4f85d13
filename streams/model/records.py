"""The score record: one JSON object a user, the same in `scores`, in Redis, in `clout score` and in the HTTP API.

Every changed user's record is written at each flush, so this is a hot path: 3 us a record. A dict and `orjson.dumps` each
cost three times that, most of it the garbage collector looking at the dicts.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from streams.events import KINDS
from streams.fold.rows import ACTIONS, ACTORS, CLOSE, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS
from streams.model.assess import Assessment, assess
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.windows import Floats


class _Windows(msgspec.Struct, gc=False):
    day: float
    week: float
    quarter: float


class _Parts(msgspec.Struct, gc=False):
    kinds: dict[str, float]  #: only those that gave something
    networks: dict[str, float]  #: until people link accounts, a user lives on one network
    reach: float
    participation: float


class _Delta(msgspec.Struct, gc=False):
    day: float | None


class _Record(msgspec.Struct, gc=False):
    """The fields in their order."""

    user: str
    score: float
    as_of: int
    model: str
    version: int
    event_ts: int
    engagements: int
    actors: int
    actions: int
    windows: _Windows
    followers: int
    acted: float
    floored: bool
    parts: _Parts
    delta: _Delta
    confidence: float
    provisional: bool


_encode = msgspec.json.Encoder().encode


class Scored(NamedTuple):
    """Users scored at one moment, with what goes out about each; length n, in the order of `slots`."""

    slots: Slots
    scores: Floats
    records: list[bytes]


def scored(table: Table, slots: Slots, rows: Floats, now_ms: int, version: int, decays: Floats | None = None) -> Scored:
    """Score these users, whose rows (n, WIDTH) are given, at `now_ms` and write their records under `version`."""
    seen = assess(table, rows, now_ms, decays)
    totals = np.maximum(seen.unfloored, 1.0)
    return Scored(slots, totals, _records(table, slots, rows, seen, totals, now_ms, version))


def _records(
    table: Table, slots: Slots, rows: Floats, seen: Assessment, totals: Floats, now_ms: int, version: int
) -> list[bytes]:
    names = [table.users[slot] for slot in slots.tolist()]
    mass = seen.engagement + seen.reach + seen.participation
    # floored users still get parts: those of the score before the floor
    point = np.divide(seen.unfloored, mass, out=np.zeros_like(mass), where=mass > 0)
    actors = np.maximum(rows[:, ACTORS], 0.0)
    columns = [np.maximum(rows[:, DID_TS], rows[:, GOT_TS]), rows[:, ENGAGEMENTS], actors, rows[:, ACTIONS]]
    parts = map(
        _Parts,
        _kinds(seen.kinds * point[:, None]),
        _networks(names, seen.engagement * point),
        (seen.reach * point).tolist(),
        (seen.participation * point).tolist(),
    )
    everyone = zip(
        names,
        totals.tolist(),
        [now_ms] * len(names),
        [table.model.name] * len(names),
        [version] * len(names),
        *np.array(columns, dtype=np.int64).tolist(),
        map(_Windows, *seen.windows.T.tolist()),
        rows[:, FOLLOWERS].astype(np.int64).tolist(),
        seen.acted.tolist(),
        (seen.unfloored < 1.0).tolist(),
        parts,
        map(_Delta, np.where(rows[:, CLOSE] > 0, totals - rows[:, CLOSE], np.nan).tolist()),  # written as null
        (actors / (actors + table.model.confident_actors)).tolist(),
        (actors < table.model.confident_actors).tolist(),
        strict=True,
    )
    return [_encode(_Record(*fields)) for fields in everyone]


def _kinds(points: Floats) -> list[dict[str, float]]:
    """`parts.kinds` for each row of (n, 6)."""
    found: list[dict[str, float]] = [{} for _ in points]
    row, kind = np.nonzero(points)
    for r, k, value in zip(row.tolist(), kind.tolist(), points[row, kind].tolist(), strict=True):
        found[r][KINDS[k]] = value
    return found


def _networks(names: list[str], points: Floats) -> list[dict[str, float]]:
    return [
        {name.partition(":")[0]: given} if given else {} for name, given in zip(names, points.tolist(), strict=True)
    ]
