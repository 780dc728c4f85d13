"""What is kept in the rows of those who were scored."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.rows import DID, GOT, PUBLISHED, SCORE


@kernel
def noted(cells, slots, scores, version, rows, marks):
    """Scoring came after the cut, and belongs to its rows: a successor has to know what was published.

    Fills SCORE and PUBLISHED, here and in the cut's `rows` (n, WIDTH), and marks for `state` those who have no other mark.
    """
    for i in range(len(slots)):
        own, kept = cells[slots[i]], rows[i]
        own[SCORE] = kept[SCORE] = scores[i]
        own[PUBLISHED] = kept[PUBLISHED] = np.float64(version)
        if not marks[i] & (DID | GOT):
            marks[i] |= GOT
