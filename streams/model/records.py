"""The score record: one JSON object a user, the same in `scores`, in Redis, in `clout score` and in the HTTP API.

Every changed user's record is written at each flush, so this is a hot path: orjson writes whole columns at once, they are cut
at the commas, and one template puts each record together. 4 to 5 us a record; a dict and `orjson.dumps` per record cost 10 to 14,
most of it the garbage collector looking at the dicts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.events import KINDS
from streams.model.assess import Assessment, assess
from streams.model.table import ACTIONS, ACTORS, CLOSE, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS, Slots, Table
from streams.model.windows import Floats


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
    names = [table.names[slot] for slot in slots.tolist()]
    mass = seen.engagement + seen.reach + seen.participation
    # floored users still get parts: those of the score before the floor
    point = np.divide(seen.unfloored, mass, out=np.zeros_like(mass), where=mass > 0)
    actors = np.maximum(rows[:, ACTORS], 0.0)
    close = rows[:, CLOSE]
    columns = zip(
        map(_text, names),
        _written(totals),
        _written(np.maximum(rows[:, DID_TS], rows[:, GOT_TS]).astype(np.int64)),
        _written(rows[:, ENGAGEMENTS].astype(np.int64)),
        _written(actors.astype(np.int64)),
        _written(rows[:, ACTIONS].astype(np.int64)),
        _written(seen.windows[:, 0]),
        _written(seen.windows[:, 1]),
        _written(seen.windows[:, 2]),
        _written(rows[:, FOLLOWERS].astype(np.int64)),
        _written(seen.acted),
        _written(seen.unfloored < 1.0),
        _kinds(seen.kinds * point[:, None]),
        _networks(names, seen.engagement * point),
        _written(seen.reach * point),
        _written(seen.participation * point),
        _written(np.where(close > 0, totals - close, np.nan)),  # written as null
        _written(actors / (actors + table.model.confident_actors)),
        _written(actors < table.model.confident_actors),
        strict=True,
    )
    common = f'"as_of":{now_ms},"model":{_text(table.model.name)},"version":{version}'
    return [
        (
            f'{{"user":{user},"score":{total},{common},"event_ts":{event_ts},"engagements":{engagements},"actors":{distinct},'
            f'"actions":{actions},"windows":{{"day":{day},"week":{week},"quarter":{quarter}}},"followers":{followers},'
            f'"acted":{acted},"floored":{floored},"parts":{{"kinds":{{{kinds}}},"networks":{{{networks}}},"reach":{reach},'
            f'"participation":{took_part}}},"delta":{{"day":{delta}}},"confidence":{confidence},"provisional":{provisional}}}'
        ).encode()
        for user, total, event_ts, engagements, distinct, actions, day, week, quarter, followers, acted, floored, kinds,
            networks, reach, took_part, delta, confidence, provisional in columns
    ]  # fmt: skip


def _text(text: str) -> str:
    return orjson.dumps(text).decode()


def _written(column: NDArray[np.generic]) -> list[str]:
    """A column's values as JSON writes them."""
    if not len(column):
        return []
    return orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY).decode()[1:-1].split(",")


def _kinds(points: Floats) -> list[str]:
    """The inside of `parts.kinds` for each row of (n, 6): only kinds that gave something."""
    inside = [""] * len(points)
    row, kind = np.nonzero(points)
    for r, k, value in zip(row.tolist(), kind.tolist(), _written(points[row, kind]), strict=True):
        inside[r] += f',"{KINDS[k]}":{value}' if inside[r] else f'"{KINDS[k]}":{value}'
    return inside


def _networks(names: list[str], points: Floats) -> list[str]:
    """The inside of `parts.networks`: until people link accounts, a user lives on one network."""
    earned = zip(names, points.tolist(), _written(points), strict=True)
    return [f"{_text(name.partition(':')[0])}:{value}" if given else "" for name, given, value in earned]
