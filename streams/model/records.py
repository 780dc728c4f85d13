"""The score record: one JSON object a user, the same in `scores`, in Redis, in `clout score` and in the HTTP API.

The seam to `streams.fold.record`, which says what is in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import orjson

from streams.fold import record
from streams.fold.record import MOST_NAME, MOST_RECORD
from streams.fold.rows import MORE
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.model.windows import Floats


class Scored(NamedTuple):
    """Users scored at one moment, with what goes out about each; length n, in the order of `slots`."""

    slots: Slots
    scores: Floats
    records: Texts


def scored(table: Table, slots: Slots, rows: Floats, now_ms: int, version: int, decays: Floats | None = None) -> Scored:
    """Score these users at `now_ms` and write their records under `version`.

    `rows` are theirs, (n, WIDTH), or the table's own (`table.cells`), which need no copy. Rows copied earlier are read with the
    `decays` of that moment: the table's landmarks may have moved since.
    """
    said = _said(now_ms, table.model.name, version)
    names = table.users.named(slots)
    more = table.extras.most_bytes(rows[slots, MORE] if rows is table.cells else rows[:, MORE])
    text, bounds = Texts.room(len(slots), len(slots) * (MOST_RECORD + len(said)) + MOST_NAME * names.size + more)
    scores = np.empty(len(slots))
    record.write(
        *(table.users.arrays, slots, np.ascontiguousarray(rows), rows is table.cells),
        *(table.decays(now_ms) if decays is None else decays, table.constants, table.extras.arrays),
        *(np.frombuffer(said, np.uint8), text, bounds, scores),
    )
    return Scored(slots, scores, Texts.between(text, bounds))


def _said(now_ms: int, model: str, version: int) -> bytes:
    """What the records of one call have in common."""
    return b',"as_of":%d,"model":%b,"version":%d,"event_ts":' % (now_ms, orjson.dumps(model), version)
