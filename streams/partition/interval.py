"""When an interval ends: it begins with its first block, lasts as long as it is worth, and an alarm ends it at once."""

from __future__ import annotations

from collections.abc import Callable

LONGEST_S = 2.0
LONGEST_BEHIND_S = 5.0  # in a backlog: nobody needs every step of a catch-up
SHARE = 0.8  # intervals grow until sending, of all partitions together, takes less than this part of a core
BEHIND_S = 3.0  # a backlog is what takes longer than this to fold
SHOWN_BEHIND_S = 20.0  # how often Redis is written in a backlog: what is older is of no use there


class Interval:
    """The open interval of one partition. `share` is the part of a core that sending may take here."""

    def __init__(self, least_s: float, share: float, monotonic_s: Callable[[], float]) -> None:
        self._least_s, self._share, self._monotonic_s = least_s, share, monotonic_s
        self._began_s: float | None = None
        self._lasts_s = least_s
        self._alarm = False
        self._cut_s = self._shown_s = monotonic_s()  # when the last one ended, and the last one that was shown

    def begin(self) -> None:
        """A block has come: it begins now, if it has not begun."""
        if self._began_s is None:
            self._began_s = self._monotonic_s()

    def alarm(self) -> None:
        """Somebody has to be told, or there is as much as memory is meant for: it ends at once."""
        self._alarm = True

    def begin_again(self, *, at_hand: bool) -> None:
        """What was folded is cut off. The next one begins now if blocks are at hand, else with the next block."""
        self._alarm = False
        self._began_s = self._monotonic_s() if at_hand else None

    def due(self, within_s: float = 0.0) -> bool:
        """Is it over, or will be within so many seconds?"""
        return self._alarm or ((ends_s := self.ends_s) is not None and self._monotonic_s() >= ends_s - within_s)

    @property
    def ends_s(self) -> float | None:
        """When it is over; None while it has not begun."""
        return None if self._began_s is None else self._began_s + self._lasts_s

    def left_s(self, folded: int, behind: int) -> float:
        """At a cut: `folded` records went into the interval. How long would `behind` more take?"""
        return behind * (self._monotonic_s() - self._cut_s) / max(folded, 1)

    def backlog(self, folded: int, behind: int) -> bool:
        """At a cut: the broker has `behind` more. Would they take long? The next interval begins."""
        left_s, self._cut_s = self.left_s(folded, behind), self._monotonic_s()
        return left_s > BEHIND_S

    def shows(self, *, backlog: bool) -> bool:
        """At a cut: is Redis to be written now? Always but in a backlog."""
        if backlog and self._cut_s - self._shown_s < SHOWN_BEHIND_S:
            return False
        self._shown_s = self._cut_s
        return True

    def adapt(self, busy_s: float, *, backlog: bool = False) -> None:
        """Sending the last one has kept the event loop so long: as dear as that, the next ones last longer."""
        wanted_s = min(max(self._least_s, busy_s / self._share), LONGEST_S)
        self._lasts_s = min(max(wanted_s, 2 * self._lasts_s), LONGEST_BEHIND_S) if backlog else wanted_s
