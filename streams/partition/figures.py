"""What a partition says of itself to whoever watches it: read from what is there anyway, no cost an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from streams.partition.undecided import Held

if TYPE_CHECKING:  # whoever shows figures does not load what folds
    from streams.scoreboard.view import Refusal


class Figures(NamedTuple):
    """One partition at one moment."""

    counts: dict[str, int]  #: see `streams.model.table.Counts`
    waiting: int  #: about how many records are at hand and not folded
    version: int  #: the last one given to an interval or a Redis call
    positions: dict[str, int]  #: base topic -> next offset to apply
    committed_ms: float  #: when Kafka last had everything (wall clock, ms since epoch); 0: not yet
    redis_waiting: int  #: users of whom Redis has an older record
    rebuilds: int  #: how often everyone was written to Redis again
    redis_refuses: Refusal | None = None  #: why Redis does not take what is written
    reasons: Mapping[str, int] = {}  #: events rejected since the take-over, by reason
    broker_ahead_ms: float = 0.0  #: how far the broker's clock was ahead of ours at the last commit, at least
    undecided: Mapping[str, Held] = {}  #: base topic -> records that an open transaction holds back
    alerts: Mapping[tuple[str, str, str], int] = {}  #: told since the take-over, by rule, state and cause
    feeds_silent: int = 0  #: of so many networks at home here a gap is on
    suppressed: Mapping[str, int] = {}  #: not raised since the take-over though a rule held, by why
