"""Feeds of networks: how many events usually come in which hour of the week, and from when on silence is no accident.

Hours are counted from the epoch. What is usual in one is the mean of the same hour of the last four weeks, each with half the
weight of the one after it; if none of them was seen, of the same hour of other days; else of all hours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.model.gaps import Gaps

WEEK, DAY = 168, 24  #: hours
HOURS = 4 * WEEK  #: that are kept of a network
MOST_FEEDS = 1_000  #: networks that a partition counts, and that are at home in one

_WEEKS, _DAYS = WEEK * np.arange(1, 1 + HOURS // WEEK), DAY * np.arange(1, 1 + HOURS // DAY)
_BY_WEEK: NDArray[np.float64] = np.power(0.5, np.arange(len(_WEEKS)))
_BY_DAY = np.ones(len(_DAYS))


class Limits(NamedTuple):
    """When silence is a gap."""

    every_s: float = 60.0  #: a partition tells what came once in so many seconds
    fresh_s: float = 120.0  #: what it told so long ago, or longer, tells nothing any more
    behind_s: float = 3.0  #: it is caught up when folding what is left takes no longer
    hour_ms: int = 3_600_000  #: a simulation has shorter ones
    hours: int = 2 * DAY  #: that were seen, at least
    a_day: float = 100.0  #: events, at least
    silence_s: float = 300.0  #: at least
    events: float = (
        20.0  #: that would have come in the silence, at least; by Poisson, none came by accident once in 5e8 times
    )


LIMITS = Limits()


@dataclass
class Feed:
    """What the home of a network knows of it. Times are ms since epoch; 0: never."""

    network: str
    first: int = 0  #: the hour of the first count
    counts: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(HOURS, np.uint32))  #: (HOURS,) events by hour
    newest_ms: int = 0  #: the newest event's time
    came_ms: int = 0  #: when a partition told of it, by that one's clock
    declared_ms: int = 0  #: since when the last gap is that was noticed by silence
    ended_ms: int = 0  #: the same of the last one of these that was ended
    told_ms: int = 0  #: since when the gap is of which people were told last
    on: bool = False  #: was it said to be on?

    def count(self, hours: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """So many more events came in these hours, (n,) each. What is older than four weeks does not count."""
        last = int(hours.max(initial=0))
        if not self.counts.any():
            self.first = last - HOURS + 1
        later = min(max(last - (self.first + HOURS - 1), 0), HOURS)
        if later:
            self.counts = np.concatenate((self.counts[later:], np.zeros(later, np.uint32)))
            self.first = last - HOURS + 1
        some = hours >= self.first
        wanted = self.counts.astype(np.int64)
        np.add.at(wanted, hours[some] - self.first, counts[some])
        self.counts = np.minimum(wanted, np.iinfo(np.uint32).max).astype(np.uint32)

    def heard(self, newest_ms: int, now_ms: int) -> None:
        """A partition says at `now_ms` that the newest event it has folded is of this time."""
        if newest_ms > self.newest_ms:
            self.newest_ms, self.came_ms = newest_ms, max(now_ms, self.came_ms)


def known(feed: Feed, gaps: Gaps | None, hour_ms: int) -> NDArray[np.bool_]:
    """(HOURS,) the hours that say what is usual: behind the first with events, before that of the newest event, out of gaps."""
    hours = feed.first + np.arange(HOURS)
    some = np.flatnonzero(feed.counts)
    found: NDArray[np.bool_] = (hours > (hours[some[0]] if len(some) else 0)) & (hours < feed.newest_ms // hour_ms)
    for gap in gaps.gaps if gaps else ():
        found &= (hours < gap.since // hour_ms) | (gap.until is not None and hours > (gap.until or 0) // hour_ms)
    return found


def expected(feed: Feed, gaps: Gaps | None, from_ms: int, to_ms: int, hour_ms: int) -> float:
    """How many events usually come between two moments, of four weeks at most."""
    there = known(feed, gaps, hour_ms)
    from_ms = max(from_ms, to_ms - HOURS * hour_ms)
    if from_ms >= to_ms or not there.any():
        return 0.0
    hours = np.arange(from_ms // hour_ms, to_ms // hour_ms + 1)
    edges = np.clip(np.append(hours, hours[-1] + 1) * hour_ms, from_ms, to_ms)
    of_week, seen = _mean(feed, there, hours, _WEEKS, _BY_WEEK)
    of_day, seen_then = _mean(feed, there, hours, _DAYS, _BY_DAY)
    usual = np.where(seen, of_week, np.where(seen_then, of_day, feed.counts[there].mean()))
    return float((usual * np.diff(edges)).sum() / hour_ms)


def _mean(
    feed: Feed,
    there: NDArray[np.bool_],
    hours: NDArray[np.int64],
    back: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of the hours so far back, (k,), the weighted mean, for each of `hours` (n,); and whether one of them is known."""
    at = hours[:, None] - back - feed.first
    inside = (at >= 0) & (at < HOURS)
    at = np.where(inside, at, 0)
    weighed = weights * (inside & there[at])
    total = weighed.sum(axis=1)
    return (weighed * feed.counts[at]).sum(axis=1) / np.maximum(total, 1e-9), total > 0


def silent(feed: Feed, gaps: Gaps | None, now_ms: int, limits: Limits) -> bool:
    """Has it been silent for so long that its feed must be broken?

    All that came until `now_ms` is known. A feed that is always late is not silent while it comes: both the time of its newest
    event and the moment at which that came must be long ago.
    """
    since_ms = max(feed.newest_ms, feed.came_ms)
    if now_ms - since_ms < limits.silence_s * 1000 or not feed.newest_ms:
        return False
    there = known(feed, gaps, limits.hour_ms)
    hours = int(np.count_nonzero(there))
    if hours < limits.hours or int(feed.counts[there].sum()) * DAY < limits.a_day * hours:
        return False
    return expected(feed, gaps, since_ms, now_ms, limits.hour_ms) >= limits.events
