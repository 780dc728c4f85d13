"""The pulse: what a partition says of itself with each call to Redis."""

from __future__ import annotations

from typing import Any

from streams.model.table import Table
from streams.scoreboard.latency import STEP_MS


def pulse(
    table: Table, now_ms: int, owner: str, counts: dict[str, int], latency: dict[str, int], shown: int, closed: int
) -> dict[str, Any]:
    """JSON-ready; the writer adds the version. `counts` as of what Redis has, `latency` as `Latency.sparse` gives it.

    `shown`: how many users Redis has once it has taken this call. `closed`: the version of the last daily closes, 0: none.
    """
    return {
        "event_ts": table.clock,
        "as_of": now_ms,
        "owner": owner,
        "users": len(table),
        "shown": shown,
        "closed": closed,
        "model": table.model.name,
        "counts": counts,
        "latency": latency,
        "latency_step_ms": STEP_MS,
    }
