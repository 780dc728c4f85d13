"""What has come since a user's last daily close, and what each sort of it gives: the entries of a ledger.

    mass now = mass at the close, as it weighs now + what each entry gives

Own module, so that a record, a roll and a reader of closes share one formula. 0.02 us an entry.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.rows import ACTED, FOLLOWERS, KINDS

#: columns of SINCE: gained by kind and window, reversed by window, of persons linked by window (all grown as in the row), own
#: actions, net followers
GAINED = 0
REVERSED = GAINED + 3 * KINDS
LINKED = REVERSED + 3
ACTED_SINCE, FOLLOWERS_SINCE = LINKED + 3, LINKED + 4
KEPT_SINCE = FOLLOWERS_SINCE + 1  #: columns that `state` keeps beside the row
CLOSE = KEPT_SINCE  #: mass at the last close (nan: to be computed)
FACTS_THEN = CLOSE + 1  #: and that of all facts then
SINCE = FACTS_THEN + 1

#: entries of a day, mass at its close: gained by kind, then these. What is left of the change is decay
OF_UNDO, OF_LINKS, OF_REACH, OF_ACTIONS, OF_FACTS = range(KINDS, KINDS + 5)
ENTRIES = OF_FACTS + 1


@part
def reach_of(followers, model):
    """Mass for so many net followers."""
    return min(model.reach_per_doubling * np.log2(1.0 + max(followers, 0.0)), model.reach_cap)


@part
def taken_part(acted, model):
    """Mass for so many own actions, decayed."""
    acted = max(acted, 0.0)
    return model.participation_cap * acted / (acted + model.participation_half)


@part
def by_windows(sums, first, decays, model):
    """Mass of three sums, from column `first` on, at the moment of `decays`."""
    mass = 0.0
    for window in range(3):
        mass += sums[first + window] * decays[window] * model.mixture[window]
    return mass


@kernel
def entries_of(row, since, facts, decays, model, out):
    """What has come since the close, (ENTRIES,), as it weighs at the moment of `decays`; all facts give `facts` then."""
    for kind in range(KINDS):
        out[kind] = by_windows(since, GAINED + 3 * kind, decays, model)
    out[OF_UNDO] = by_windows(since, REVERSED, decays, model)
    out[OF_LINKS] = by_windows(since, LINKED, decays, model)
    out[OF_REACH] = reach_of(row[FOLLOWERS], model) - reach_of(row[FOLLOWERS] - since[FOLLOWERS_SINCE], model)
    acted = row[ACTED] * decays[1]
    out[OF_ACTIONS] = taken_part(acted, model) - taken_part(acted - since[ACTED_SINCE] * decays[1], model)
    out[OF_FACTS] = min(facts, model.facts_cap) - min(since[FACTS_THEN], model.facts_cap)
