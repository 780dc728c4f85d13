"""Alerts as workers publish them, for tests of whoever shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.model.feed_alerts import State, Told, feed_alert
from streams.model.gaps import Gap
from streams.model.published import AlertCause, AlertRecord, Reference

NOW_MS = 1_767_225_600_000


def alert(user: str, n: int = 0, **more: Any) -> AlertRecord:
    """The n-th one about somebody, n ms after NOW_MS: a fall by silence, raised."""
    fields: dict[str, Any] = {
        "id": f"day-fall/{user}/{NOW_MS + n}/{more.get('state', 'raised')}",
        "rule": "day-fall",
        "state": "raised",
        "severity": "warning",
        "user": user,
        "episode": NOW_MS + n,
        "at": NOW_MS + n,
        "score": 40.0,
        "change": -7.5,
        "cause": "idle",
        "objects": [],
        "people": [],
        "policies": -1,
        "model": "clout-1",
        "version": 4_294_967_296 + n,
        **more,
    }
    points = float(fields["change"])
    fields |= {"change": points, "reference": Reference(score=fields["score"] - points, at=NOW_MS - 86_400_000)}
    fields |= {"causes": [AlertCause(cause=fields["cause"], points=points)]}
    moved = "fell" if points < 0 else "rose"
    return AlertRecord(**{"sentence": f"{moved} {abs(points):g} points", **fields})


def told(user: str, n: int = 0, **more: Any) -> bytes:
    """The same as JSON."""
    return msgspec.json.encode(alert(user, n, **more))


def of_feed(network: str, state: State = "raised") -> bytes:
    """One about a feed, as JSON: silent for an hour."""
    gap = Gap(since=NOW_MS, until=NOW_MS + 3_600_000, by="silence")
    return feed_alert(network, state, gap, 1_240.0, Told(NOW_MS + 3_600_000, 3, 4_294_967_296)).value


#: as a version before rules wrote them: for 30 days the topic, and Redis, may have such
OLD = {
    "id": "fall/t:old/raised/1",
    "rule": "fall",
    "state": "raised",
    "user": "t:old",
    "score": 40.0,
    "close": 47.5,
    "fall": 7.5,
    "points": 5.0,
    "at": NOW_MS,
    "model": "clout-1",
    "version": 1,
}
