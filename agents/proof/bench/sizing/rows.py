"""What a user's memory adds to rows. They were measured of users who have acted once; a memory fills within days."""

from __future__ import annotations

from typing import NamedTuple

from agents.proof.bench.sizing.inputs import Assumptions, Figures
from streams.fold.rows import ENTRY

ROW_RECORDS = 3  # of a user in `state`: what they did, what was done to them, and who did it


class Rows(NamedTuple):
    """Bytes once users remember as much as is assumed."""

    remembered: float  #: actions of a user, on average
    more_an_event: float  #: than measured, in the record of the actor, who is taken to be an active user
    more_a_user: float  #: than measured, of all users on average
    state_an_event: float
    state_a_user: float  #: in `state`, all records
    running: float  #: of a worker's memory, a user
    recovering: float  #: the same while rows are read back


def rows(f: Figures, a: Assumptions) -> Rows:
    """Each action remembered beyond those of the measurement adds its entry."""
    entry_bytes = ENTRY + a.target_bytes
    average = a.active * a.remembered + (1 - a.active)
    more_an_event, more_a_user = (a.remembered - 1) * entry_bytes, (average - 1) * entry_bytes
    return Rows(
        remembered=average,
        more_an_event=more_an_event,
        more_a_user=more_a_user,
        state_an_event=f.state_bytes + more_an_event,
        state_a_user=ROW_RECORDS * f.state_record_bytes + more_a_user,
        running=f.row_bytes + more_a_user,
        recovering=f.recovering_bytes + (average - f.recovering_actions) * entry_bytes,
    )
