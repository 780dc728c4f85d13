"""`clout bench compare`: every part of the comparison on one Kafka and one Redis in one run."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from agents.proof.bench import systems
from agents.proof.bench.comparison import Ground, Sizes
from agents.proof.bench.machine import machine, require_linux, versions
from agents.proof.bench.parts import PARTS
from agents.proof.bench.servers import servers
from agents.proof.bench.show import Show
from agents.proof.bench.tables import WORKLOADS


def compare(
    parts: Sequence[str],
    names: Sequence[str],
    sizes: Sizes,
    show: Show,
    kafka: str | None = None,
    redis: str | None = None,
    keep: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure these parts (keys of PARTS) of these systems (names in systems.ALL).

    `failed` of the result lists the runs of peers that were wrong; `keep` gets the result so far after each part. Raises
    WrongResult when Clout is wrong in a part of its own.
    """
    require_linux()
    chosen = [systems.ALL[name] for name in names]
    drains = any(part in WORKLOADS for part in parts)
    build = systems.prepare() if drains and any("{build}" in " ".join(system.argv) for system in chosen) else None
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions() | (systems.versions(build) if build else {}),
        "sizes": {"events": sizes.events, "runs": sizes.runs, "users": sizes.users},
    }
    with servers(kafka, redis, show.say) as running:
        ground = Ground(running, build, chosen, sizes, show)
        result["failed"] = ground.failed
        for part in parts:
            result[part] = PARTS[part](ground)
            keep(result)
    return result
