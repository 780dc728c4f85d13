"""Whom a rule begins to hold for in silence, between two displayed steps. 0.05 us a user whose score has moved at all."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.more import facts_of
from streams.fold.rows import DID_TS, GOT_TS, MORE, SCORE
from streams.fold.score import score_of

_LEAST = 1e-6  # points: a score that has moved by less has not


@part
def _between(sorted_, first, end, above, to):
    """Is one of these values, ascending, from number `first` on and before number `end`, more than `above`, and at most `to`?"""
    at = first + np.searchsorted(sorted_[first:end], above, "right")
    return at < end and sorted_[at] <= to


@kernel
def crossed(rows, decays, then, moments, falls, begins, lines, model, more, out):
    """Which of these rows (n, WIDTH) have crossed a line or a fall since they were last published; into `out` (n,).

    `then` (m, 4) is what reads rows at `moments` (m,), the references. Of reference j the falls in points begin at begins[2 j],
    those in per cent at begins[2 j + 1], each ascending; `lines` (k,) are scores, ascending. Falls count only of who was quiet
    since a reference: whoever was not is scored when something comes.
    """
    for i in range(len(rows)):
        row, before, out[i] = rows[i], rows[i, SCORE], 0
        if before <= 0.0:
            continue
        line = row[MORE] > 0.0
        score = score_of(row, decays, model, facts_of(more, row, decays) if line else 0.0)
        if before - score < _LEAST:
            continue
        out[i] = _between(lines, 0, len(lines), score, before)
        newest = max(row[DID_TS], row[GOT_TS])
        for j in range(len(moments)):
            first, middle, end = begins[2 * j], begins[2 * j + 1], begins[2 * j + 2]
            if out[i] or newest >= moments[j] or first == end:
                continue
            reference = score_of(row, then[j], model, facts_of(more, row, then[j]) if line else 0.0)
            fell, falls_by = reference - before, reference - score
            share = 100.0 / reference if reference > 0.0 else 0.0
            if _between(falls, first, middle, fell, falls_by) or _between(
                falls, middle, end, fell * share, falls_by * share
            ):
                out[i] = 1
