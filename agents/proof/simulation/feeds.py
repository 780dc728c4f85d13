"""The feed of a network of its own in a simulation, which falls silent in some runs. Limits are such that seconds show it.

What is drawn is drawn from numbers of its own, so that the rest of a run is the same.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from streams.model.feeds import Limits

NETWORK = "f"
LIMITS = Limits(every_s=1.0, fresh_s=2.2, behind_s=0.0, hour_ms=100, hours=5, a_day=20.0, silence_s=1.0, events=5.0)


class Plan(NamedTuple):
    """How the feed goes: events steadily, silence, events again, in seconds each. All are 0: it is as if there were none."""

    comes_s: float = 0.0
    silent_s: float = 0.0
    again_s: float = 0.0


class Event(NamedTuple):
    """What was fed."""

    ts: int
    at_s: float  #: when


def plan(random: Random, clock: str) -> Plan:
    """For one run in three that goes by the clock on the wall."""
    if clock != "wall" or random.random() < 0.67:
        return Plan()
    return Plan(random.uniform(1.5, 3.0), random.choice((0.0, 3.0, 4.5)), random.choice((0.0, 2.0, 2.0)))
