"""The built-in rule: a fall of so many points against the last daily close, with hysteresis and a cooldown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.fold.rows import ALERTED_AT, CLOSE, FIRING
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.windows import Floats


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
    value: bytes  #: JSON


def falls(table: Table, slots: Slots, scores: Floats, now_ms: int, rule: FallRule) -> NDArray[np.bool_]:
    """About which of these users, scored so at `now_ms`, an alert has to be raised; (n,). Changes nothing."""
    rows = table.cells[slots]
    cooled = now_ms - rows[:, ALERTED_AT] >= rule.cooldown_ms
    return (rows[:, CLOSE] > 0) & (rows[:, CLOSE] - scores >= rule.points) & (rows[:, FIRING] <= 0) & cooled


def judge(table: Table, slots: Slots, scores: Floats, now_ms: int, version: int, rule: FallRule) -> list[Alert]:
    """Judge users just scored (slots and scores of shape (n,)); updates their FIRING and ALERTED_AT."""
    rows = table.cells[slots]
    close, firing = rows[:, CLOSE], rows[:, FIRING] > 0
    fall = np.where(close > 0, close - scores, 0.0)
    raised = falls(table, slots, scores, now_ms, rule)
    recovered = firing & (fall <= rule.points * (1.0 - rule.recovery))
    table.cells[slots[raised], FIRING] = 1.0
    table.cells[slots[raised], ALERTED_AT] = now_ms
    table.cells[slots[recovered], FIRING] = 0.0
    alerts = []
    for i in np.flatnonzero(raised | recovered).tolist():
        user, state = table.users[slots[i]], "raised" if raised[i] else "recovered"
        body = {
            "id": f"{rule.name}/{user}/{state}/{version}",
            "rule": rule.name,
            "state": state,
            "user": user,
            "score": float(scores[i]),
            "close": float(close[i]),
            "fall": float(fall[i]),
            "points": rule.points,
            "at": now_ms,
            "model": table.model.name,
            "version": version,
        }
        alerts.append(Alert(user, state, orjson.dumps(body)))
    return alerts
