"""What a partition says of itself to whoever watches it: read from what is there anyway, no cost an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from streams.partition.undecided import Held

if TYPE_CHECKING:  # whoever shows figures does not load what folds
    from streams.partition.intake import Intake
    from streams.partition.sending import Sender
    from streams.scoreboard.view import Refusal, View


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


def figures(intake: Intake, sender: Sender, view: View) -> Figures:
    """Of one partition, now."""
    shown = view.shown
    return Figures(
        intake.table.counts.as_dict(),
        intake.turns.at_hand(),
        shown.versions.last,
        dict(intake.positions),
        sender.committed_ms,
        shown.behind,
        shown.rebuilds,
        redis_refuses=view.refusal,
        reasons=dict(intake.rejected.reasons),
        broker_ahead_ms=sender.broker_ahead_ms,
        alerts=dict(sender.alerted.told),
        feeds_silent=sender.home.silent,
        suppressed=dict(sender.alerted.suppressed),
    )
