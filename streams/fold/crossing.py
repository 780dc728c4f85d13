"""Whom a rule begins to hold for in silence, between two displayed steps. 0.05 us a user whose score has moved at all."""

from __future__ import annotations

from streams.fold.compiled import kernel
from streams.fold.more import facts_of
from streams.fold.rows import DID_TS, GOT_TS, MORE, SCORE
from streams.fold.score import score_of

_LEAST = 1e-6  # points: a score that has moved by less has not


@kernel
def crossed(rows, decays, then, moments, falls, shares, begins, lines, model, more, out):
    """Which of these rows (n, WIDTH) have crossed a line or a fall since they were last published; into `out` (n,).

    `then` (m, 4) is what reads rows at `moments` (m,), the references; of reference j the falls from begins[j] to begins[j + 1]
    are looked at, in points or (`shares`) per cent; `lines` (k,) are scores. Only of who was quiet since a reference: whoever was
    not is scored when something comes.
    """
    for i in range(len(rows)):
        row, before, out[i] = rows[i], rows[i, SCORE], 0
        if before <= 0.0:
            continue
        line = row[MORE] > 0.0
        score = score_of(row, decays, model, facts_of(more, row, decays) if line else 0.0)
        if before - score < _LEAST:
            continue
        for k in range(len(lines)):
            if score < lines[k] <= before:
                out[i] = 1
        newest = max(row[DID_TS], row[GOT_TS])
        for j in range(len(moments)):
            if newest >= moments[j] or begins[j] == begins[j + 1]:
                continue
            reference = score_of(row, then[j], model, facts_of(more, row, then[j]) if line else 0.0)
            for k in range(begins[j], begins[j + 1]):
                least = falls[k] * (reference / 100.0 if shares[k] else 1.0)
                if reference - score >= least > reference - before:
                    out[i] = 1
