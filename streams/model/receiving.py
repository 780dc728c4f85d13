"""Stage 2, keyed by target, of a table: see `streams.fold.receive`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.fold import receive as kernels
from streams.model.closes import calendar
from streams.model.engagements import Engagements
from streams.model.table import Table
from streams.model.users import Slots


def receive(table: Table, packs: Sequence[Engagements]) -> list[Slots]:
    """Fold packs; order within them and between them does not matter. Moves the clock to the senders' first.

    Returns whose the targets are, (n,) for each pack.
    """
    table.advance(max((max(pack.clock, pack.newest_ms) for pack in packs), default=0))
    landmarks, before = table.all_landmarks(), calendar(table)
    folded, counts = [], np.zeros(7, np.int64)
    for pack in packs:
        table.room(int(pack.found.names), int(pack.lengths.sum()))
        slots, done, names = np.empty(len(pack), np.intp), 0, int(pack.found.names)
        days, hours = table.days.room_for(names), table.hours.room_for(names)
        while done < len(pack):
            done = kernels.receive(
                *(table.cells, table.dirty, table.users.arrays, table.people.room_for_one(), days, hours),
                *(table.tops.room_for_one(), table.extras.arrays, pack.text, pack.found, pack.starts, pack.lengths),
                *(landmarks, before, table.constants, done, slots, counts),
            )
        table.counts.folded += len(slots)
        folded.append(slots)
    table.counts.add(counts)
    return folded
