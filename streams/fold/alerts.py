"""The rule of the fall alert, and what is kept in the rows of those who were scored. 0.07 us a user."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.rows import ALERTED_AT, DID, GOT, PUBLISHED, SCORE, WIDTH
from streams.fold.words import ahead

NOTHING, RAISED, RECOVERED = 0, 1, 2


@part
def _verdict(row, score, close, now_ms, points, recovered_at, cooldown_ms):
    """Raised: so many points below the close, no alert on, none raised lately. Recovered: one is on, and the fall small again."""
    fall = close - score if close > 0.0 else 0.0
    if row[ALERTED_AT] < 0.0:
        return RECOVERED if fall <= recovered_at else NOTHING
    if close > 0.0 and fall >= points and now_ms - row[ALERTED_AT] >= cooldown_ms:
        return RAISED
    return NOTHING


@kernel
def judged(cells, slots, scores, closes, now_ms, points, recovered_at, cooldown_ms, verdicts):
    """The verdicts (n,) about users scored so, with these last closes (NONE: no fall); changes nothing.

    Returns how many there are of RAISED or RECOVERED.
    """
    found, flat = 0, cells.reshape(-1)
    for i in range(len(slots)):
        if i + 8 < len(slots):
            ahead(flat, slots[i + 8] * WIDTH + SCORE)
        verdicts[i] = _verdict(cells[slots[i]], scores[i], closes[i], now_ms, points, recovered_at, cooldown_ms)
        found += verdicts[i] != NOTHING
    return found


@kernel
def noted(cells, slots, scores, version, rows, marks):
    """Scoring and judging came after the cut, and belong to its rows: a successor has to know what was published and raised.

    Fills SCORE and PUBLISHED, here and in the cut's `rows` (n, WIDTH), and marks for `state` those who have no other mark or
    whose alert changed.
    """
    for i in range(len(slots)):
        own, kept = cells[slots[i]], rows[i]
        own[SCORE] = kept[SCORE] = scores[i]
        own[PUBLISHED] = kept[PUBLISHED] = np.float64(version)
        changed = own[ALERTED_AT] != kept[ALERTED_AT]
        kept[ALERTED_AT] = own[ALERTED_AT]
        if changed or not marks[i] & (DID | GOT):
            marks[i] |= GOT
