"""What one cut says to the world: score records and alerts, chunk by chunk. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.fold.rows import ALERTED_AT, DID, FIRING, GOT, PUBLISHED, SCORE
from streams.model.alerts import Alert, FallRule, judge
from streams.model.records import scored
from streams.model.table import Table
from streams.partition.cut import Cut

CHUNK = 500  # users scored before the event loop gets a turn: 3 ms

_JUDGED = slice(FIRING, ALERTED_AT + 1)


class Outgoing(NamedTuple):
    """One chunk of users, scored and judged."""

    records: list[tuple[bytes, bytes]]  #: user, score record
    alerts: list[Alert]


def chunks(table: Table, rule: FallRule, cut: Cut, version: int) -> Iterator[Outgoing]:
    """Score and judge the changed users as they were at the cut, chunk by chunk."""
    for start in range(0, len(cut.changed), CHUNK):
        part = slice(start, start + CHUNK)
        done = scored(table, cut.changed[part], cut.rows[part], cut.now_ms, version, cut.decays)
        table.cells[done.slots, SCORE] = done.scores
        alerts = judge(table, done.slots, done.scores, cut.now_ms, version, rule)
        _keep_published(table, cut, part, version)
        names = [table.users[slot].encode() for slot in done.slots.tolist()]
        yield Outgoing(list(zip(names, done.records, strict=True)), alerts)


def _keep_published(table: Table, cut: Cut, part: slice, version: int) -> None:
    """Scoring and judging came after the cut, and belong to its rows: a successor has to know what was published and raised."""
    slots, marks = cut.changed[part], cut.marks[part]
    table.cells[slots, PUBLISHED] = version
    judged = table.cells[slots][:, _JUDGED]
    marks[(judged != cut.rows[part][:, _JUDGED]).any(axis=1)] |= GOT
    marks[(marks & (DID | GOT)) == 0] |= GOT  # moved in silence
    cut.rows[part, _JUDGED] = judged
    cut.rows[part, SCORE] = table.cells[slots, SCORE]
    cut.rows[part, PUBLISHED] = version
