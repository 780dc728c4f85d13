"""Scores as rules judge them while a gap of a network concerns somebody: its sums are read as if less time had passed.

0.55 us a user of such a network, 0.09 us another one while there is a gap; without any nothing is called.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.more import CODE, NEXT, OF_WINDOWS, facts_of
from streams.fold.networks import key_of_network
from streams.fold.rows import ACTED, ENGAGEMENTS, MORE, SUMS, WEEK, WIDTH
from streams.fold.score import score_of

REAL, FIRST_WINDOW, LINE = (
    0,
    1,
    5,
)  #: columns of scores: as it is; as rules of an hour, a day, a week, a month and lines judge it
COLUMNS = 6


@kernel
def gapped(keys, of_code, keeps, person, names, rows, whole, slots, decays, model, more, scores, out):
    """Fill in `out`, (n, COLUMNS), of users (n,) whose real scores are `scores` (n,). Returns how many a gap concerns.

    `keys` (m,) are the hashes of the networks with gaps, ascending; `of_code` (codes,) which of them a network of a person is, -1:
    none; `keeps` (m, COLUMNS, 3) by what sums are multiplied to be read so much earlier. Rows are (n, WIDTH), or `whole`: by slot.
    An account's sums of engagements and actions are read so, a person's of such networks; facts as they are now. `person` is the
    hash of the network of persons.
    """
    row, found = np.empty(WIDTH), 0
    for i in range(len(slots)):
        for column in range(COLUMNS):
            out[i, column] = scores[i]
        key = key_of_network(names, slots[i])
        own = np.int64(np.searchsorted(keys, key))
        if key != person and (own == len(keys) or keys[own] != key):
            continue
        at = np.int64(slots[i]) if whole else np.int64(i)
        line, facts, known, concerned = np.int64(rows[at, MORE]), 0.0, False, False
        first = np.int64(more.first_network[line]) if key == person and line else np.int64(0)
        for column in range(FIRST_WINDOW, COLUMNS):
            for k in range(WIDTH):
                row[k] = rows[at, k]
            moved = False
            if key != person:
                keep = keeps[own, column]
                moved = keep[WEEK] != 1.0
                for k in range(SUMS, ENGAGEMENTS):
                    row[k] *= keep[(k - SUMS) % 3]
                row[ACTED] *= keep[WEEK]
            entry = first
            while entry:
                code = np.int64(more.networks[entry, CODE])
                number = np.int64(of_code[code]) if code < len(of_code) else np.int64(-1)
                if number >= 0 and keeps[number, column, WEEK] != 1.0:
                    moved = True
                    for window in range(3):
                        row[SUMS + window] += more.networks[entry, OF_WINDOWS + window] * (
                            keeps[number, column, window] - 1.0
                        )
                entry = np.int64(more.networks[entry, NEXT])
            if moved:
                if line and not known:
                    facts, known = facts_of(more, rows[at], decays), True
                out[i, column] = score_of(row, decays, model, facts)
                concerned = True
        found += concerned
    return found
