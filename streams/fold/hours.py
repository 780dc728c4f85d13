"""What has come lately, so that a score can be compared with that of an hour ago.

Time is cut at *marks*, each 20 minutes (event time, UTC). A score is compared with that at the third mark before the one that was
passed last: 60 to 80 minutes ago. Whoever has events since has a line here: what came behind each mark, up to the next one, as
`streams.fold.days` has it of what came since a close. So the row at a mark is the row less what came since, in whatever order
events are read. Nothing is computed when a mark passes; who has been quiet has no line, and the row tells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.days import NONE
from streams.fold.more import facts_of
from streams.fold.rows import ACTED, ACTIONS, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS, MARK_MS, MORE, SUMS, WIDTH
from streams.fold.score import score_of
from streams.fold.words import ahead

MARKS = 5  #: that a line has: the four up to an hour ago, and one for events that are ahead of the clock
#: what came behind a mark: weights by window (grown as in the row), net followers, engagements; own actions, and their number
GAINED, FOLLOWED, GOT, ACTED_THEN, ACTS = 0, 3, 4, 5, 6
COLUMNS = 7
NEVER = -1  #: in place of the number of a mark: none


class Hours(NamedTuple):
    """The arrays, as kernels read them; place `MARKS * line + number of the mark modulo MARKS` is that of a mark."""

    line: NDArray[np.int32]  #: (users,) the line of each; 0: none
    owner: NDArray[np.int64]  #: (lines,) whose it is
    marks: NDArray[np.int64]  #: (MARKS * lines,) numbers of marks
    gained: NDArray[np.float64]  #: (MARKS * lines, COLUMNS) what came behind each, up to the next one
    used: NDArray[np.int64]  #: (1,) lines in use; line 0 is nobody's
    oldest: NDArray[np.int64]  #: (1,) what came before this mark is of no interest any more


@part
def begun(h, slot):
    """The line of somebody, new if need be. There is room."""
    line = np.int64(h.line[slot])
    if line == 0:
        line = h.used[0]
        h.used[0] = line + 1
        h.line[slot], h.owner[line] = line, slot
        for at in range(MARKS * line, MARKS * line + MARKS):
            h.marks[at] = NEVER
    return line


@part
def behind(h, slot, mark):
    """The place of what came behind the mark of this number; -1: it is of no interest any more."""
    if mark < h.oldest[0]:
        return np.int64(-1)
    at = MARKS * begun(h, slot) + mark % MARKS
    if h.marks[at] != mark:
        if h.marks[at] > mark:
            return np.int64(-1)
        h.marks[at] = mark
        for column in range(COLUMNS):
            h.gained[at, column] = 0.0
    return at


@part
def mark_of(ts):
    """The number of the last mark at or before a moment."""
    return np.int64(ts) // MARK_MS


@part
def ahead_of_place(h, slot, mark):
    """Fetch into the cache what `behind` and who adds there will soon ask for."""
    at = MARKS * np.int64(h.line[slot]) + mark % MARKS
    ahead(h.marks, at)
    ahead(h.gained.reshape(-1), COLUMNS * at)


@kernel
def read(h, cells, slots, mark, decays, model, more, out):
    """The scores at a mark of these, (n,), by what reads sums then; NONE: there was nothing, or nobody knows."""
    then = np.empty(WIDTH)
    for i in range(len(slots)):
        row, line = cells[slots[i]], np.int64(h.line[slots[i]])
        count = row[ACTIONS] + row[ENGAGEMENTS]
        for column in range(WIDTH):
            then[column] = row[column]
        for at in range(MARKS * line, MARKS * line + MARKS if line else 0):
            if h.marks[at] >= mark:
                since = h.gained[at]
                for window in range(3):
                    then[SUMS + window] -= since[GAINED + window]
                then[FOLLOWERS] -= since[FOLLOWED]
                then[ACTED] -= since[ACTED_THEN]
                count -= since[GOT] + since[ACTS]
        known = line > 0 or mark_of(max(row[DID_TS], row[GOT_TS])) < mark
        out[i] = NONE
        if known and count > 0.0:
            out[i] = score_of(then, decays, model, facts_of(more, row, decays) if row[MORE] > 0.0 else 0.0)


@kernel
def copied(h, slots, marks, gained):
    """Of these, (n,), the marks that they have, (n, MARKS), and what came behind each, (n, MARKS, COLUMNS)."""
    for i in range(len(slots)):
        line = np.int64(h.line[slots[i]])
        for j in range(MARKS):
            at = MARKS * line + j
            marks[i, j] = h.marks[at] if line and h.marks[at] >= h.oldest[0] else NEVER
            if marks[i, j] != NEVER:
                for column in range(COLUMNS):
                    gained[i, j, column] = h.gained[at, column]
