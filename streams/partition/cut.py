"""The cut: what one interval sends, copied at one moment between two blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.formats.feeds import Came, Heard
from streams.formats.header import Turn
from streams.formats.ranks import Counted
from streams.formats.strays import Stray
from streams.formats.tied import Tied
from streams.model.chunks import Copied
from streams.model.closes import Known
from streams.model.engagements import Pack
from streams.model.hours import Lately
from streams.model.users import Slots, Users
from streams.model.windows import Floats
from streams.people.telling import Telling


class Cut(NamedTuple):
    """What one interval sends, and how far it read: one moment between two blocks."""

    positions: dict[str, int]  #: base topic -> next offset to read
    turns: tuple[Turn, ...]  #: what was folded together
    packs: dict[int, Pack]  #: by destination partition
    strays: dict[int, list[Stray]]
    rejects: list[tuple[bytes, bytes]]  #: key, value
    changed: Slots
    clock: int
    day: int  #: `Days.today`
    closed_ms: int  #: see `Days`
    counts: dict[str, int]  #: `Counts` at the cut
    rows: Floats  #: the changed users' rows (n, WIDTH), so that folding may go on while they are sent
    known: Known  #: what there is of the closes that their records refer to
    lately: Lately  #: what came behind the last marks
    decays: Floats  #: what reads the rows at `now_ms`, by the landmarks of the cut
    now_ms: int
    marks: NDArray[np.uint8]  #: (n,) how each user changed: bits DID, GOT, MOVED, MET, TIED, LISTED
    names: Users  #: of all slots: a slot keeps its name, so they need not be copied
    memories: Copied  #: of those who acted (DID), in the order of `changed`
    people: Copied  #: who engaged with those whom somebody new engaged with (MET), in the order of `changed`
    tops: Copied  #: the lists of those who have others (LISTED), in the order of `changed`
    retold: Slots  #: whose topics, people and moments may be others: other lists, more in their memories, other topics hidden
    landmarks: tuple[int, ...]
    tied: Tied  #: what some of them have beside their rows, of those marked TIED
    closes: list[tuple[bytes, bytes]]  #: the records of `state` for closes that were taken
    telling: Telling  #: what accounts have to tell their persons
    counted: dict[int, Counted]  #: how the scores of partitions are spread, as each has told last: see `ranks`
    heard: Sequence[Heard] = ()  #: what partitions have told of feeds
    came: Sequence[Came] = ()  #: what this one tells of them, if it does
