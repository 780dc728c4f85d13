"""What an alert says to people, also one that an older version wrote (for 30 days the topic and Redis may have such)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from streams.model.published import AlertRecord

RAISED, RECOVERED, SETTLED = "raised", "recovered", "settled"
_LOUD = "warning"


def feed_of(alert: Mapping[str, Any]) -> str | None:
    """The network whose feed it is about; None: it is about somebody."""
    return str(alert["network"]) if alert.get("type") == "feed" else None


def change(alert: Mapping[str, Any]) -> float:
    """Points from the score that it is compared with to that of now; negative: a fall."""
    return float(alert["change"] if "change" in alert else -alert.get("fall", 0.0))


def severity(alert: Mapping[str, Any]) -> str:
    """How loud it is."""
    return str(alert.get("severity", _LOUD))


def sentence(alert: Mapping[str, Any]) -> str:
    """One sentence, to stand behind the name of the user."""
    if said := alert.get("sentence"):
        return str(said) if feed_of(alert) is not None else str(said).removeprefix(f"{alert['user']} ")
    points = change(alert)
    if alert.get("state") == RAISED:
        return f"{'fell' if points <= 0 else 'rose'} {abs(points):.1f} points to {alert['score']:.1f}"
    return f"is at {alert['score']:.1f}"


def published(alerts: Iterable[Mapping[str, Any]]) -> list[AlertRecord]:
    """Those of these that are as this version publishes them."""
    found = []
    for alert in alerts:
        try:
            found.append(msgspec.convert(alert, AlertRecord))
        except msgspec.ValidationError:
            continue
    return found
