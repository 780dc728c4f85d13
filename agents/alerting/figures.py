"""How deliveries stand, by channel: for metrics, Redis and the page."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from agents.alerting.lane import Lane
from agents.shapes.deliveries import ChannelStanding, Told

EDGES_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3_600.0)
LATEST = 50  #: outcomes that are kept


class Key(NamedTuple):
    """What is counted."""

    channel: str
    outcome: str


@dataclass(slots=True)
class Counts:
    """Since this process began."""

    outcomes: Counter[Key] = field(default_factory=Counter)
    latest: deque[Told] = field(default_factory=lambda: deque(maxlen=LATEST))
    last: dict[str, str] = field(default_factory=dict)  #: by channel
    refused: int = 0  #: records of `alerts` or `deliveries` that nobody understands
    late: int = 0  #: alerts that were too old when they were read
    #: deliveries by channel and by the place in EDGES_S of how long they took; the last are those that took longer
    took_s: dict[str, list[int]] = field(default_factory=dict)
    took_sum_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def took(self, channel: str, seconds: float) -> None:
        """An alert was delivered so long after it was judged."""
        self.took_s.setdefault(channel, [0] * (len(EDGES_S) + 1))[bisect_left(EDGES_S, seconds)] += 1
        self.took_sum_s[channel] += max(seconds, 0.0)

    def count(self, told: Told) -> None:
        """One more."""
        self.outcomes[Key(told.channel, told.state)] += 1
        self.latest.appendleft(told)
        self.last[told.channel] = told.said


def standing(lane: Lane, off: str, counts: Counts, now_ms: float) -> ChannelStanding:
    """Of one channel."""
    waiting = [*lane.waiting.values(), *lane.on_the_way.values()]
    channel, until_ms = lane.channel, lane.breaker.until_ms
    return ChannelStanding(
        channel=channel.name,
        kind=channel.kind,
        enabled=channel.enabled,
        waiting=len(waiting),
        dead=len(lane.dead),
        oldest=min((one.at for one in waiting), default=None),
        open_until=round(until_ms) if until_ms > now_ms else None,
        off=off,
        delivered=counts.outcomes[Key(channel.name, "delivered")],
        failed=counts.outcomes[Key(channel.name, "failed")],
        last=counts.last.get(channel.name, ""),
        at=round(now_ms),
    )
