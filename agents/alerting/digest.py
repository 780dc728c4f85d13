"""Several alerts as one message: how many, of which rules, and the worst. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agents.alerting.lane import GROUP, QUIET, STORM, Batch, alert_of
from streams.formats.deliveries import Delivery, Digest
from streams.model.channels import SEVERITIES

TOLD = 20  #: alerts that a digest has in full
_WHY = {
    STORM: "more came than this channel wants in a minute",
    QUIET: "they came in quiet hours",
    GROUP: "they came together",
}


def digest(batch: Batch, now_ms: int) -> Delivery:
    """One delivery in place of those of the batch."""
    members = batch.members
    alerts = [alert_of(one) for one in members]
    worst = max(range(len(alerts)), key=lambda place: _badness(alerts[place]))
    channel = members[0].channel
    body = Digest(
        id=f"digest/{channel}/{now_ms}/{members[0].id}",
        channel=channel,
        at=now_ms,
        count=len(members),
        since=min(_at(one) for one in alerts),
        until=max(_at(one) for one in alerts),
        severity=str(alerts[worst].get("severity", "")),
        why=batch.why,  # type: ignore[arg-type]
        rules=_counts(alerts, "rule"),
        states=_counts(alerts, "state"),
        sentence=_sentence(batch.why, alerts, alerts[worst]),
        worst=members[worst].alert,
        alerts=[one.alert for one in members[:TOLD]],
    )
    return Delivery(
        channel=channel,
        id=body.id,
        at=now_ms,
        due=now_ms,
        alert=msgspec.Raw(msgspec.json.encode(body)),
        members=tuple(one.id for one in members),
    )


def _badness(alert: Mapping[str, Any]) -> tuple[int, bool, float]:
    """Loud ones first, of these those that are still so, then those that moved farthest."""
    severity = alert.get("severity")
    loud = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return loud, alert.get("state") == "raised", abs(float(alert.get("change") or 0.0))


def _at(alert: Mapping[str, Any]) -> int:
    return int(alert.get("at", 0))


def _counts(alerts: Sequence[Mapping[str, Any]], field: str) -> dict[str, int]:
    return dict(Counter(str(one.get(field) or "feed") for one in alerts).most_common())


def _sentence(why: str, alerts: Sequence[Mapping[str, Any]], worst: Mapping[str, Any]) -> str:
    states = ", ".join(f"{count:,} {state}" for state, count in _counts(alerts, "state").items())
    users = len({one.get("user") for one in alerts})
    said = f"{len(alerts):,} alerts about {users:,} {'user' if users == 1 else 'users'} ({states}): {_WHY[why]}"
    return f"{said}. The worst: {worst.get('sentence', '')}"
