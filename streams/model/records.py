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
from streams.model.closes import Known, known
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.model.windows import Floats


class Scored(NamedTuple):
    """Users scored at one moment, with what goes out about each; length n, in the order of `slots`."""

    slots: Slots
    scores: Floats
    closes: Floats  #: (n, 3) the closes that records refer to; `streams.fold.days.NONE`
    hour: Floats  #: the scores an hour ago; NONE
    records: Texts


class Rows(NamedTuple):
    """Rows copied earlier, and what reads them: the table's landmarks may have moved since."""

    cells: Floats  #: (n, WIDTH)
    decays: Floats
    known: Known


def scored(table: Table, slots: Slots, copied: Rows | None, now_ms: int, version: int) -> Scored:
    """Score these users at `now_ms` and write their records under `version`; without a copy by their rows as they are."""
    if copied is None:
        table.days.begin(now_ms)
    rows, decays, then = copied or Rows(table.cells, table.decays(now_ms), known(table, slots, now_ms))
    said = _said(now_ms, table.model.name, version)
    names = table.users.named(slots)
    more = table.extras.most_bytes(rows[slots, MORE] if copied is None else rows[:, MORE])
    text, bounds = Texts.room(len(slots), len(slots) * (MOST_RECORD + len(said)) + MOST_NAME * names.size + more)
    scores, closes = np.empty(len(slots)), np.empty((len(slots), 3))
    record.write(
        *(table.users.arrays, slots, np.ascontiguousarray(rows), copied is None),
        *(
            decays,
            np.ascontiguousarray(then.closes),
            then.hour,
            then.moments_ms,
            then.decays,
            table.constants,
            table.extras.arrays,
        ),
        *(np.frombuffer(said, np.uint8), np.ascontiguousarray(then.since), then.since_ms),
        *(text, bounds, scores, closes),
    )
    return Scored(slots, scores, closes, then.hour, Texts.between(text, bounds))


def _said(now_ms: int, model: str, version: int) -> bytes:
    """What the records of one call have in common."""
    return b',"as_of":%d,"model":%b,"version":%d,"event_ts":' % (now_ms, orjson.dumps(model), version)
