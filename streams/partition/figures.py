"""What a partition says of itself to whoever watches it: read from what is there anyway, no cost an event."""

from __future__ import annotations

from typing import NamedTuple


class Figures(NamedTuple):
    """One partition at one moment."""

    counts: dict[str, int]  #: see `streams.model.table.Counts`
    waiting: int  #: about how many records are at hand and not folded
    version: int  #: the last one given to a Redis call
    positions: dict[str, int]  #: base topic -> next offset to apply
    committed_ms: float  #: when Kafka last had everything (wall clock, ms since epoch); 0: not yet
    redis_waiting: int  #: calls that wait for Redis
    rebuilds: int  #: how often everyone was written to Redis again
