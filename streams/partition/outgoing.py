"""What one cut says to the world: score records, alerts, the change of the histogram, the batch for push. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.model.alerts import Alert, FallRule, judge
from streams.model.records import Scored, scored
from streams.model.table import ALERTED_AT, DID, FIRING, GOT, PUBLISHED, SHOWN, Slots, Table
from streams.model.windows import Floats
from streams.partition.cut import Cut
from streams.scoreboard.spread import Histogram

CHUNK = 500  # users in one Redis call: 500 to 1,000 are fastest, and none stalls Redis for 10 ms

_JUDGED = slice(FIRING, ALERTED_AT + 1)


class Outgoing(NamedTuple):
    """One chunk of users, scored and judged."""

    scored: Scored
    users: list[tuple[str, float, bytes]]  #: user, score, record
    alerts: list[Alert]
    bins: dict[int, int]  #: histogram bins that changed, with how many users are in them now
    updates: bytes | None  #: {"partition","as_of","users":[[user, score], ...]} of those whose displayed score moved
    last: bool  #: of its cut


def chunks(
    table: Table, spread: Histogram, rule: FallRule, number: int, cut: Cut, next_version: Callable[[], int]
) -> Iterator[Outgoing]:
    """Score and judge the changed users as they were at the cut, chunk by chunk, each under its own version."""
    for start in range(0, len(cut.changed), CHUNK):
        part, version = slice(start, start + CHUNK), next_version()
        done = scored(table, cut.changed[part], cut.rows[part], cut.now_ms, version, cut.decays)
        chunk = _shown(table, spread, number, done, cut.now_ms)
        alerts = judge(table, done.slots, done.scores, cut.now_ms, version, rule)
        _keep_published(table, cut, part, version)
        yield chunk._replace(alerts=alerts, last=start + CHUNK >= len(cut.changed))


def glance(table: Table, spread: Histogram, number: int, slots: Slots, now_ms: int, version: int) -> Outgoing:
    """Up to CHUNK users scored for Redis alone, before the interval that publishes and keeps them."""
    return _shown(table, spread, number, scored(table, slots, table.cells[slots], now_ms, version), now_ms)


def _shown(table: Table, spread: Histogram, number: int, done: Scored, now_ms: int) -> Outgoing:
    """From now on these scores are those shown: table and histogram say so. No alerts, and not the last of a cut."""
    names, totals = [table.names[slot] for slot in done.slots.tolist()], done.scores.tolist()
    before = table.cells[done.slots, SHOWN]
    table.cells[done.slots, SHOWN] = done.scores
    moved = np.abs(done.scores - before) >= table.model.displayed_step / 2
    users = list(zip(names, totals, done.records, strict=True))
    updates = _updates(number, now_ms, names, done.scores, moved)
    return Outgoing(done, users, [], spread.move(before, done.scores), updates, False)


def _keep_published(table: Table, cut: Cut, part: slice, version: int) -> None:
    """Scoring and judging came after the cut, and belong to its rows: a successor has to know what was shown and raised."""
    slots, marks = cut.changed[part], cut.marks[part]
    judged = table.cells[slots][:, _JUDGED]
    marks[(judged != cut.rows[part][:, _JUDGED]).any(axis=1)] |= GOT
    marks[(marks & (DID | GOT)) == 0] |= GOT  # moved in silence
    cut.rows[part, _JUDGED] = judged
    cut.rows[part, SHOWN] = table.cells[slots, SHOWN]
    cut.rows[part, PUBLISHED] = version


def _updates(number: int, now_ms: int, names: list[str], scores: Floats, moved: NDArray[np.bool_]) -> bytes | None:
    rounded = np.round(scores, 2).tolist()
    seen = [(names[i], rounded[i]) for i in np.flatnonzero(moved).tolist()]
    body: dict[str, Any] = {"partition": number, "as_of": now_ms, "users": seen}
    return orjson.dumps(body) if seen else None
