"""When and where a source is asked again: pauses that grow, with dice, and one endpoint after the other. Times are passed in."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

FIRST_S, LONGEST_S = 0.25, 30.0
LONGEST_WAIT_S = 600.0  #: a server that wants to be left alone for longer is asked all the same


class Tries:
    """`endpoint` is where to connect now.

    A connection that gave something is taken up again at the same endpoint, soon; one that gave nothing sends us on.
    """

    def __init__(self, endpoints: Sequence[str], dice: Random, first: str = "") -> None:
        """`first`: where the source was read last; it is asked first, for its cursor is exact there alone."""
        self._endpoints, self._dice = tuple(endpoints), dice
        self._at = self._endpoints.index(first) if first in self._endpoints else 0
        self._failures = 0
        self._not_before_s: dict[str, float] = {}

    @property
    def endpoint(self) -> str:
        """Where to connect."""
        return self._endpoints[self._at]

    def over(self, now_s: float, *, gave: bool, wait_s: float | None = None) -> float:
        """A connection is over; `gave` something or not. How long to wait before the next, seconds.

        `wait_s` is what the server said; that holds for its endpoint alone.
        """
        self._not_before_s[self.endpoint] = now_s + min(wait_s or 0.0, LONGEST_WAIT_S)
        if gave:
            self._failures = 0
        else:
            self._at = (self._at + 1) % len(self._endpoints)
        pause_s = min(FIRST_S * 2.0 ** min(self._failures, 10), LONGEST_S) * self._dice.uniform(0.5, 1.0)
        self._failures += 1
        return max(pause_s, self._not_before_s.get(self.endpoint, 0.0) - now_s)
