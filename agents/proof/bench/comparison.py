"""On what ground all parts of a comparison are measured: servers, systems, and how much of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from agents.proof.bench.filled_topics import Stage
from agents.proof.bench.peers import drain
from agents.proof.bench.servers import Servers
from agents.proof.bench.show import Show
from agents.proof.bench.systems import System
from streams.settings import Settings

QUICK_IDLE_S, IDLE_S = 0.5, 2.0
_FIGURES = ("cpu_us_per_event", "events_per_s", "peak_rss_mb", "kafka_cpu_us_per_event", "redis_cpu_us_per_event")


@dataclass(frozen=True)
class Sizes:
    """How much of everything: the real measurement, or one that only shows that all of it works."""

    events: int
    runs: int
    users: int
    live: tuple[tuple[int, int], ...]  #: events a second, interval in ms (0: the default)
    feed_s: float
    populations: tuple[int, ...]
    partitions: tuple[int, ...]
    extra_events: int  #: of each drain of the parts `growth`, `hot`, `processes` and `footprint`
    recovered: int  #: users of the part `recovery`
    quick: bool = False


FULL = Sizes(
    2_000_000,
    3,
    200_000,
    ((1_000, 0), (5_000, 0), (20_000, 0), (20_000, 50), (50_000, 0)),
    20.0,
    (10_000, 100_000, 1_000_000, 5_000_000),
    (4, 16, 64),
    150_000,
    200_000,
)
QUICK = Sizes(300, 1, 100, ((200, 0),), 3.0, (2_000,), (4,), 300, 500, quick=True)


@dataclass(frozen=True)
class Ground:
    """Where and how large all parts are measured."""

    running: Servers
    build: Path | None
    systems: Sequence[System]
    sizes: Sizes
    show: Show
    failed: list[str] = field(default_factory=list)  #: runs that were wrong or broke off

    def drained(self, system: System, on: Stage) -> dict[str, Any]:
        """One run of one system."""
        with self.show.bar(f"{system.name} drains {on.fold.events:,}", sum(on.fold.given.values())) as bar:
            return drain(system, self.build, self.fresh(on), self.running, on.fold, bar, quick=self.sizes.quick)

    def fresh(self, on: Stage) -> Settings:
        """Settings for one run. The end of Clout's drain is told by an idle pass: nobody waits long for it."""
        return on.fresh(idle_s=QUICK_IDLE_S if self.sizes.quick else IDLE_S)


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the runs. `cpu_spread`: from the cheapest to the dearest, as a share of the median; None of one run."""
    medians: dict[str, Any] = {"events": runs[0]["events"]}
    for name in _FIGURES:
        known = [run[name] for run in runs if run.get(name) is not None]
        medians[name] = round(median(known), 2) if known else None
    cpu = [run["cpu_us_per_event"] for run in runs]
    medians["events_per_core_s"] = round(1e6 / max(medians["cpu_us_per_event"], 1e-3))
    medians["cpu_spread"] = round((max(cpu) - min(cpu)) / max(median(cpu), 1e-3), 3) if len(cpu) > 1 else None
    return medians | {"runs": list(runs)}
