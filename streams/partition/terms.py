"""What a loop is given, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streams.clocks import Clocks
from streams.model.table import Table
from streams.partition.block import Block


class Start(NamedTuple):
    """Where a loop begins."""

    epoch: int  #: blocks of another one are not folded
    ends: dict[str, int]  #: base topic -> its end at the take-over: up to there the predecessor may have shown


class Pace(NamedTuple):
    """How often things happen."""

    interval_s: float  #: the least length of an interval
    share: float  #: the part of a core that sending may take in this partition
    idle_s: float  #: seconds between two idle passes
    stream_clock: bool  #: is now the newest event time, and not the wall clock?

    def now_ms(self, table: Table, clocks: Clocks) -> Callable[[], int]:
        """The clock that scores are for."""
        return lambda: table.clock if self.stream_clock else int(clocks.wall_ms())


class Supply(NamedTuple):
    """Who hands out the blocks."""

    folded: Callable[[Block], None]  #: is told of each block that needs no room any more
    behind: Callable[[], int] = lambda: 0  #: about how many records the broker has that were not handed out
    handed: Callable[[str], int] = lambda _: 0  #: of a base topic: the end of the last block that was


class Left(NamedTuple):
    """A partition that was let go in order without transactions: its rows are nowhere else."""

    table: Table
    positions: dict[str, int]  #: base topic -> next offset to apply: told the group as well
