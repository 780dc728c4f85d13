"""Stage 2, keyed by target: fold a pack of engagements into the targets' rows. Sums commute, so this is a few numpy calls."""

from __future__ import annotations

import numpy as np

from streams.fold.rows import ACTORS, ENGAGEMENTS, FOLLOWERS, GOT, GOT_TS, SUMS, UNSEEN, WIDTH
from streams.model import windows
from streams.model.engagements import FIRST, FOLLOW, KIND_BITS, UNDO, Engagements
from streams.model.table import Table


def receive(table: Table, pack: Engagements) -> None:
    """Fold a pack; order within it and between packs does not matter. Moves the clock to the sender's."""
    if not pack.targets:
        table.advance(pack.clock)
        return
    table.advance(max(pack.clock, int(pack.times.max())))
    slots = table.slots(pack.targets)
    flat = table.cells.reshape(-1)  # after adding: growth moves the matrix
    line = slots * WIDTH
    sums = line + SUMS + 3 * (pack.codes & KIND_BITS).astype(np.intp)
    weights = pack.weights.astype(np.float64)
    for window, half_life_ms in enumerate(table.model.half_lives_ms):
        grown = windows.growth(pack.times, table.landmarks[window], half_life_ms)
        np.add.at(flat, sums + window, weights * grown)
    sign = np.where(pack.codes & UNDO, -1.0, 1.0)
    np.add.at(flat, line + ENGAGEMENTS, sign)
    first, follow = (pack.codes & FIRST) != 0, (pack.codes & FOLLOW) != 0
    np.add.at(flat, line[first] + ACTORS, sign[first])
    np.add.at(flat, line[follow] + FOLLOWERS, sign[follow])
    np.maximum.at(flat, line + GOT_TS, pack.times.astype(np.float64))
    table.dirty[slots] |= GOT | UNSEEN
    table.counts.folded += len(slots)
