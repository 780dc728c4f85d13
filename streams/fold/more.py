"""What few users have beside their row: facts, the person whose account they are, and of a person the networks.

Column MORE of a row is the number of a user's line here; 0: they have nothing, and pay nothing. Facts and networks are chains
of entries, the first of which the line names.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.rows import MORE

CODE, NEXT, MASS, DATE = 0, 1, 2, 3  #: of an entry of `facts`: which, the next one (0: none), mass at its date, ms
#: of an entry of `networks`: code, next, then the sums of the three windows, grown as in a row, and what of these has come
#: since the last daily close
OF_WINDOWS, OF_SINCE = 2, 5
NOW = 3  #: in an array of decays, behind those of the windows: the moment, ms


class More(NamedTuple):
    """The arrays, as kernels read them; the first four and the tails have a value a line."""

    kin: NDArray[np.uint64]  #: hash of the person whose account it is or was last; 0: never one
    since: NDArray[np.int64]  #: from this event time on, ms
    until: NDArray[np.int64]  #: up to this one
    stated: NDArray[np.int64]  #: the date of the number of followers that was stated, ms; 0: none was
    linked: NDArray[np.uint8]  #: is it an account of a person now?
    first_fact: NDArray[np.int32]
    first_network: NDArray[np.int32]
    tails: NDArray[np.int64]  #: (lines, 2) from where to where in `text` is what a record ends with
    facts: NDArray[np.float64]  #: (entries, 4)
    networks: NDArray[np.float64]  #: (entries, 8)
    half_lives: NDArray[np.float64]  #: of facts, by code, ms
    labels: NDArray[np.int64]  #: (codes + 1, 2) from where to where in `text` a name is, as JSON
    text: NDArray[np.uint8]


@kernel
def kin_at(more, row, ts):
    """The hash of the person whose account somebody was at an event time; 0: nobody's."""
    line = np.int64(row[MORE])
    return more.kin[line] if more.since[line] <= ts < more.until[line] else np.uint64(0)


@part
def fact_mass(more, entry, now_ms):
    """What a fact gives at a moment: it halves with a half-life of its own."""
    fact = more.facts[entry]
    return fact[MASS] * np.exp2(-max(now_ms - fact[DATE], 0.0) / more.half_lives[np.int64(fact[CODE])])


@kernel
def facts_of(more, row, decays):
    """What all facts of a row give at the moment of `decays`, before their cap."""
    total, now_ms, entry = 0.0, decays[NOW], np.int64(more.first_fact[np.int64(row[MORE])])
    while entry:
        total += fact_mass(more, entry, now_ms)
        entry = np.int64(more.facts[entry, NEXT])
    return total
