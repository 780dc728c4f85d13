"""Scores as rules judge them, where gaps of networks concern somebody: the seam to `streams.fold.gaps`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.events import PERSON
from streams.fold import gaps as kernels
from streams.fold.gaps import COLUMNS, FIRST_WINDOW, LINE
from streams.fold.rows import MARK_MS
from streams.model.closes import BACK
from streams.model.dates import mark_before
from streams.model.gaps import Gaps, recent
from streams.model.records import Rows
from streams.model.ruleset import key_of
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS
from streams.model.windows import FARTHEST, Floats

WINDOWS = 1 + len(BACK)  #: times that rules look back to: an hour, a day, a week, a month
_PERSON = key_of(PERSON)


def compared_with(window: int, now_ms: int, closed_ms: int) -> int:
    """The moment of the score that one is compared with at `now_ms`; `closed_ms` is a close, maybe a later one."""
    if window == 0:
        return mark_before(now_ms) * MARK_MS
    later = -(-max(closed_ms - now_ms, 0) // DAY_MS)
    return closed_ms - (int(BACK[window - 1]) + later) * DAY_MS


def overlaps(gaps: Gaps, now_ms: int, closed_ms: int) -> list[int]:
    """How much of what rules look back on a network's gaps cover, ms: an hour, a day, a week, a month; of lines all of them."""
    moments = [compared_with(window, now_ms, closed_ms) for window in range(WINDOWS)]
    return [gaps.covered(moment, now_ms) for moment in (*moments, 0)]


def judged_scores(
    table: Table, gaps: tuple[Gaps, ...], slots: Slots, scores: Floats, rows: Rows | None, now_ms: int
) -> Floats:
    """What rules judge, by the columns of `streams.fold.gaps`: (n, 6); or (n, 1), `scores` (n,) alone, if no gap concerns one.

    Without copied rows by those of the table as they are.
    """
    scores = np.ascontiguousarray(scores)
    closed_ms = int(table.days.closed_ms if rows is None else rows.known.moments_ms[0])
    some = [(one, overlaps(one, now_ms, closed_ms)) for one in recent(gaps, now_ms)] if gaps else []
    if not some:
        return scores[:, None]
    keyed = sorted((key_of(one.network), one.network, covered) for one, covered in some)
    found = np.empty((len(slots), COLUMNS))
    concerned = kernels.gapped(
        np.array([key for key, _, _ in keyed], np.uint64),
        _of_code(table, [network for _, network, _ in keyed]),
        _keeps(table, [covered for _, _, covered in keyed]),
        *(np.uint64(_PERSON), table.users.arrays),
        *(table.cells if rows is None else np.ascontiguousarray(rows.cells), rows is None, np.ascontiguousarray(slots)),
        *(table.decays(now_ms) if rows is None else rows.decays, table.constants, table.extras.arrays, scores, found),
    )
    return found if concerned else scores[:, None]


def _keeps(table: Table, covered: list[list[int]]) -> Floats:
    keeps = np.ones((len(covered), COLUMNS, 3))
    halvings = np.array(covered, np.float64)[:, :, None] / np.array(table.model.half_lives_ms, np.float64)
    keeps[:, FIRST_WINDOW : LINE + 1] = np.exp2(np.minimum(halvings, FARTHEST))
    return keeps


def _of_code(table: Table, networks: list[str]) -> NDArray[np.int64]:
    """By the number of a person's network among the names of `More`."""
    codes = [table.extras.known_code(network) for network in networks]
    of_code = np.full(1 + max(codes), -1)
    for number, code in enumerate(codes):
        if code:
            of_code[code] = number
    return of_code
