"""What a partition tells of feeds: what came of each network, and that it is there and caught up, also when nothing came."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from streams.formats.feeds import Came, Heard
from streams.model.feeds import LIMITS, Limits
from streams.partition.cut import Cut
from streams.partition.intake import Intake
from streams.partition.interval import Interval
from streams.partition.terms import Supply
from streams.partitioner import partition_of

MOST_TOLD = 20_000  #: hours of networks in one record, and those of one network more: at most 300 KB


def by_home(told: Heard, partitions: int) -> Iterator[tuple[int, Heard]]:
    """What each home, the partition of a network's name, is told, in parts that are no larger than a record may be.

    Those that nothing came of are told that this partition is there. Only the last part may say that all is known.
    """
    homes: dict[int, list[list[Came]]] = {number: [[]] for number in range(partitions)}
    for one in told.came:
        parts = homes[partition_of(one.network, partitions)]
        if sum(len(other.hours) for other in parts[-1]) > MOST_TOLD:
            parts.append([])
        parts[-1].append(one)
    for number, parts in homes.items():
        for part, some in enumerate(parts):
            last = part == len(parts) - 1
            yield number, Heard(told.partition, told.version, part, told.now_ms, told.caught_up and last, tuple(some))


class Feeding:
    """When a partition tells of feeds, and what. All do at the same moments, so that each home is woken once."""

    def __init__(self, number: int = 0, partitions: int = 1, limits: Limits | None = None) -> None:
        """Without limits it never does."""
        self._number, self._partitions, self._on, self._limits = (
            number,
            partitions,
            limits is not None,
            limits or LIMITS,
        )
        self._every_ms = self._limits.every_s * 1000.0
        self._told, self._late = -1.0, True
        self._awake_ms: float | None = None
        self._caught_up: bool | None = None  # what this interval tells of itself; None: nothing

    def in_s(self, now_ms: float) -> float:
        """Seconds until it is time again."""
        if not self._on:
            return inf
        return 0.0 if self.due(now_ms) else (self._every_ms - now_ms % self._every_ms) / 1000.0

    def due(self, now_ms: float, wall_ms: float | None = None) -> bool:
        """Is it time? With the time on the wall: the partition's loop runs.

        If it has not for long, a process was stopped, and what it knows of the broker is old.
        """
        if wall_ms is not None:
            if self._awake_ms is not None and not 0 <= wall_ms - self._awake_ms < self._limits.fresh_s * 1000.0:
                self._late = True
            self._awake_ms = wall_ms
        return self._on and now_ms // self._every_ms != self._told

    def caught_up(self, intake: Intake, interval: Interval, supply: Supply) -> bool:
        """At a cut: has nearly everything been folded that the broker has, as far as that is known?"""
        on_its_way = sum(max(supply.handed(name) - at, 0) for name, at in intake.positions.items())
        left_s = interval.left_s(intake.pending, supply.behind() + on_its_way)
        return left_s <= self._limits.behind_s and bool(intake.pending or not intake.turns.unfetched())

    def follow(self, now_ms: float, *, caught_up: bool, last: bool = False) -> bool:
        """An interval is about to be cut. Does it tell? When it is time, and if it is the `last` one, so that nothing is lost."""
        self._caught_up = None
        if self._on and (last or self.due(now_ms)):
            self._told, late, self._late = now_ms // self._every_ms, self._late, False
            self._caught_up = caught_up and not late
        return self._caught_up is not None

    def told(self, cut: Cut, version: int) -> Iterator[tuple[int, Heard]]:
        """What each home is told in an interval that was cut so."""
        if self._caught_up is not None:
            heard = Heard(self._number, version, 0, cut.now_ms, self._caught_up, tuple(cut.came))
            yield from by_home(heard, self._partitions)
