"""Stage 1, keyed by actor, of a table: see `streams.fold.act`."""

from __future__ import annotations

import numpy as np

from streams.fold import act as kernels
from streams.fold.rows import WEEK
from streams.model.closes import calendar
from streams.model.engagements import Outbox
from streams.model.parsed import Parsed
from streams.model.table import Table
from streams.model.users import Slots


def act(table: Table, parsed: Parsed, order: Slots, out: Outbox) -> None:
    """Fold the events parsed.lines[order], whose actors are known, into the actors' rows; what they do goes to `out`.

    Counts go to `table.counts`. Standing is the actor's score at the newest event time of these, before them.
    """
    n = len(order)
    if not n:
        return
    lines, model = parsed.lines, table.constants
    table.advance(int(lines["ts"][order].max()))
    landmark, landmarks, decays = table.landmarks[WEEK], table.all_landmarks(), table.decays(table.clock)
    grown, attends, standing = np.empty((3, n))
    more, before, days, hours = table.extras.arrays, calendar(table), table.days.room_for(n), table.hours.room_for(n)
    kernels.before_block(table.cells, lines, order, landmark, decays, model, more, grown, attends, standing)
    counts, done = np.zeros(7, np.int64), 0
    while True:
        memories, tops = table.memory.room_for_one(), table.tops.room_for_one()
        done = kernels.act(
            *(table.cells, table.dirty, memories, days, hours, tops, parsed.text, lines, order, done),
            *(grown, attends, standing, landmarks, before, model, more, out.partitions, counts, out.emitted),
        )
        out.collect(table)
        if done == n:
            break
    table.counts.add(counts)
