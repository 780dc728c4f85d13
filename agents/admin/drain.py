"""When a worker has counted everything there is: what `clout worker --drain` waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as AdminError

from agents.admin import at_rest
from agents.admin.state_export import last_headers
from streams.broker.admin import Admin, Bounds
from streams.errors import DependencyDown
from streams.formats import state
from streams.partition.figures import Figures
from streams.settings import Settings
from streams.topics import SOURCES, STATE

QUIET_S = 3.0  # a producer that was stopped may still have sent something a moment ago
_LOOK_S = 0.5

Ends = Mapping[tuple[str, int], Bounds]  #: of the sources, by base name and partition


class Says(Protocol):
    """What a worker says of itself: `agents.worker.health.Health`."""

    @property
    def held(self) -> tuple[int, ...]:
        """The partitions it serves."""

    shown: Mapping[int, Figures]


class Drain:
    """One drain: `check` before the worker begins, `wait` beside it, in a thread."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say

    def check(self, admin: Admin) -> None:
        """Raise CloutError if a topic lacks a partition, or if another worker is in the group."""
        at_rest.partitions_are_there(admin)
        at_rest.nobody_works(self._settings, admin)
        for found in admin.find():
            if (found.partitions or 0) > found.wanted:
                self._say(
                    f"{found.name} has {found.partitions} partitions: those from {found.wanted} on are left alone"
                )

    def wait(self, says: Says) -> None:
        """Return once nothing has waited for QUIET_S: neither in the worker nor in Kafka, and nothing came."""
        quiet: Ends | None = None
        since_s = time.monotonic()
        while quiet is None or time.monotonic() - since_s < QUIET_S:
            time.sleep(_LOOK_S)
            ends = self._counted() if _idle(says) else None
            if ends is None or ends != quiet:
                quiet, since_s = ends, time.monotonic()
        self._say(
            f"drained: nothing has waited for {QUIET_S:g} s, what the {self._settings.partitions} partitions hold is counted"
        )

    def _counted(self) -> Ends | None:
        """The ends of all sources, if the rows in Kafka count what is before them; None if not, or if Kafka is away."""
        settings = self._settings
        try:
            with Admin(settings) as admin:
                ends = admin.bounds(*SOURCES)
                if any(at.committed < at.end for at in ends.values()):  # what is in there may be engagements
                    return None
                rows = {number: at for (_, number), at in admin.bounds(STATE).items()}
                raw = asyncio.run(last_headers(settings, rows))
                headers = {number: state.read_header(value) for number, value in raw.items()}
                # first the headers, then the ends again: between two equal looks nothing has travelled
                if at_rest.uncounted(settings, ends, headers) or admin.bounds(*SOURCES) != ends:
                    return None
        except (KafkaError, AdminError, DependencyDown, OSError):
            return None
        return ends


def _idle(says: Says) -> bool:
    """Does the worker serve, and has it nothing to fold and nothing to show?"""
    figures = says.shown
    return (
        bool(says.held)
        and set(figures) == set(says.held)
        and not any(one.waiting or one.redis_waiting for one in figures.values())
    )
