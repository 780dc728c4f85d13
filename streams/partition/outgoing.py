"""What one cut says to the world: score records and alerts, chunk by chunk. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.fold.published import noted
from streams.formats.packed import Packed
from streams.model.alerts import MOST, Judge, Judged
from streams.model.records import Rows, scored
from streams.model.table import Table
from streams.partition.cut import Cut

CHUNK = 500  # users scored before the event loop gets a turn: half a millisecond


class Outgoing(NamedTuple):
    """One chunk of users, scored and judged."""

    records: Packed  #: user, score record
    judged: Judged


def chunks(table: Table, judge: Judge, cut: Cut, version: int) -> Iterator[Outgoing]:
    """Score and judge the changed users as they were at the cut, chunk by chunk."""
    most = MOST
    for start in range(0, len(cut.changed), CHUNK):
        part = slice(start, start + CHUNK)
        rows = Rows(cut.rows[part], cut.decays, cut.known.between(part))
        done = scored(table, cut.changed[part], rows, cut.now_ms, version)
        judged = judge.judge(done, cut.marks[part], cut.now_ms, version, most, rows)
        most -= len(judged.alerts)
        noted(table.cells, done.slots, done.scores, version, cut.rows[part], cut.marks[part])
        yield Outgoing(Packed(table.users.named(done.slots), done.records), judged)
