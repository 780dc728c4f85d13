"""What rules keep of users: an episode for each rule that is on, or was lately, about somebody.

Column EPISODES of a row is the number of a user's first one here, each names the next. Who has none pays nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.rows import EPISODES

#: phases: the alert is on; over, but not yet for as long as the cooldown; a line was crossed within the cooldown; the rule holds,
#: and its cause is one that it ignores
FIRING, COOLING, WAITING, IGNORED = 1, 2, 3, 4
MOST = 16  #: of a user


class Episodes(NamedTuple):
    """The arrays, as kernels read them; place 0 is nobody's."""

    rule: NDArray[np.uint64]  #: hash of the rule's name
    owner: NDArray[np.int64]  #: slot
    phase: NDArray[np.uint8]
    began: NDArray[np.int64]  #: ms since epoch: when it was raised; of IGNORED, when it was judged
    reference: NDArray[np.float64]  #: the score that it was compared with then
    next: NDArray[np.int32]  #: the user's next one; of a free place the next free one
    free: NDArray[np.int64]  #: (2,) the first free place (0: none), how many are free


@part
def of_rule(e, first, rule):
    """The episode of a rule in the chain that begins so; 0: none."""
    at = first
    while at and e.rule[at] != rule:
        at = np.int64(e.next[at])
    return at


@kernel
def count(e, first):
    """How many there are in the chain that begins so."""
    many, at = 0, first
    while at:
        many, at = many + 1, np.int64(e.next[at])
    return many


@kernel
def put(e, cells, slot, rule, phase, began, reference):
    """This is so of a rule now, new if need be. A place is free. False: the user has MOST, and no more are kept."""
    first = np.int64(cells[slot, EPISODES])
    at = of_rule(e, first, rule)
    if not at:
        if count(e, first) >= MOST:
            return False
        at = e.free[0]
        e.free[0] = e.next[at]
        e.free[1] -= 1
        e.next[at], e.rule[at], e.owner[at] = first, rule, slot
        cells[slot, EPISODES] = np.float64(at)
    e.phase[at], e.began[at], e.reference[at] = phase, began, reference
    return True


@kernel
def drop(e, cells, slot, rule):
    """Nothing is kept of this rule any more."""
    before, at = np.int64(0), np.int64(cells[slot, EPISODES])
    while at and e.rule[at] != rule:
        before, at = at, np.int64(e.next[at])
    if not at:
        return
    if before:
        e.next[before] = e.next[at]
    else:
        cells[slot, EPISODES] = np.float64(e.next[at])
    e.rule[at], e.phase[at], e.owner[at] = 0, 0, 0
    e.next[at] = e.free[0]
    e.free[0] = at
    e.free[1] += 1
