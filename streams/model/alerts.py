"""The built-in rule: a fall of so many points against the last daily close, with hysteresis and a cooldown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.fold.alerts import RAISED, judged
from streams.fold.rows import ALERTED_AT
from streams.model.closes import last, model_of
from streams.model.published import AlertRecord
from streams.model.records import Scored
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.windows import Floats

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class FallRule:
    """Raise when a score is `points` below its last daily close; over when part of it is made good."""

    points: float = 5.0
    #: hysteresis: how much of the fall must be made good before the alert is over, as a share of `points`
    recovery: float = 0.5
    #: least time between two alerts about one user
    cooldown_ms: int = 6 * 3_600_000
    name: str = "fall"


class Alert(NamedTuple):
    """One alert, ready to be sent."""

    user: str
    state: str  #: "raised" or "recovered"
    value: bytes  #: an `AlertRecord`, JSON


def falls(table: Table, slots: Slots, scores: Floats, now_ms: int, rule: FallRule) -> NDArray[np.bool_]:
    """About which of these users, scored so at `now_ms`, an alert has to be raised; (n,). Changes nothing."""
    raised: NDArray[np.bool_] = _verdicts(table, slots, scores, last(table, slots), now_ms, rule)[1] == RAISED
    return raised


def judge(table: Table, done: Scored, now_ms: int, version: int, rule: FallRule) -> list[Alert]:
    """Judge users just scored; updates their ALERTED_AT."""
    slots, scores, closes, _ = done
    found, verdicts = _verdicts(table, slots, scores, closes, now_ms, rule)
    alerts = []
    for i in np.flatnonzero(verdicts).tolist() if found else ():
        row, raised, score = table.cells[slots[i]], bool(verdicts[i] == RAISED), float(scores[i])
        close = max(float(closes[i]), 0.0)
        row[ALERTED_AT] = -now_ms if raised else abs(row[ALERTED_AT])
        user = table.users[slots[i]]
        state: Literal["raised", "recovered"] = "raised" if raised else "recovered"
        body = AlertRecord(
            id=f"{rule.name}/{user}/{state}/{version}",
            rule=rule.name,
            state=state,
            user=user,
            score=score,
            close=close,
            fall=close - score if close > 0 else 0.0,
            points=rule.points,
            at=now_ms,
            model=table.model.name,
            version=version,
        )
        alerts.append(Alert(user, state, _encode(body)))
    return alerts


def _verdicts(
    table: Table, slots: Slots, scores: Floats, closes: Floats, now_ms: int, rule: FallRule
) -> tuple[int, NDArray[np.uint8]]:
    verdicts = np.zeros(len(slots), np.uint8)
    if model_of(table, 0) != table.model.name:  # a score by another model is no fall
        return 0, verdicts
    recovered_at = rule.points * (1.0 - rule.recovery)
    limits = float(rule.points), recovered_at, float(rule.cooldown_ms)
    return judged(table.cells, np.ascontiguousarray(slots), scores, closes, float(now_ms), *limits, verdicts), verdicts
