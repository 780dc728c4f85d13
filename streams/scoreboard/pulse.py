"""The pulse: what a partition says of itself with each call to Redis."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.model.table import Table
from streams.scoreboard.latency import STEP_MS


class Said(NamedTuple):
    """What a pulse says of the partition in Redis, as of the call that carries it."""

    counts: dict[str, int]  #: of the events whose effect Redis shows
    latency: dict[str, int]  #: as `Latency.sparse` gives it
    shown: int  #: users that Redis has once it has taken this call
    complete: int  #: everything published up to this version is in Redis then; 0: not even what was there before
    closes: int  #: users whose daily closes it has
    influence: int  #: users whose topics, people and moments it has
    origin: str  #: see `Header`
    linked: int  #: those of `shown` who are accounts of persons, and so not on the overall board
    counted: int  #: those of `shown` who are in the histogram
    networks: dict[str, int]  #: users on the board of each network, as `Networks.said` gives it


def pulse(table: Table, now_ms: int, owner: str, said: Said) -> dict[str, Any]:
    """JSON-ready; the writer adds the version."""
    return {
        "event_ts": table.clock,
        "as_of": now_ms,
        "owner": owner,
        "users": len(table),
        "shown": said.shown,
        **({"linked": said.linked} if said.linked else {}),  # right behind `shown`: look.lua goes by it
        "counted": said.counted,
        "indexed": said.shown,  # they can be searched for; older workers do not say it
        **({"networks": said.networks} if said.networks else {}),
        "complete": said.complete,
        "closes": said.closes,
        "influence": said.influence,
        "closed_ms": table.days.closed_ms,
        "origin": said.origin,
        "model": table.model.name,
        "models": [{"name": one.name, "since_ms": one.since_ms} for one in table.models],
        "counts": said.counts,
        "latency": said.latency,
        "latency_step_ms": STEP_MS,
    }
