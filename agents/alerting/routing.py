"""Which channels an alert goes to, and what keeps it from being told at all. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.model.channels import Channel, Route, Silence, at_least
from streams.policies.book import Book

SILENCED, ACKNOWLEDGED = "silenced", "acknowledged"
RAISED = "raised"


def network_of(alert: Mapping[str, Any]) -> str:
    """Of the user it is about; of an alert about a feed its network."""
    return str(alert.get("network") or str(alert.get("user", "")).partition(":")[0])


def channels(book: Book, alert: Mapping[str, Any]) -> Iterator[Channel]:
    """Those that it is for, in the order of their names."""
    return (one for one in book.channels if one.enabled and wanted(one.route, alert))


def wanted(route: Route, alert: Mapping[str, Any]) -> bool:
    """Does it fit all that the route says?"""
    return at_least(str(alert.get("severity", "")), route.severity) and _named(route, alert)


def stopped(book: Book, alert: Mapping[str, Any], now_ms: float) -> str | None:
    """Why it is delivered nowhere: SILENCED, ACKNOWLEDGED; None if nothing is in the way.

    What is acknowledged keeps quiet until it is over; that it is over is told.
    """
    if any(one.since <= now_ms < one.until and _named(one, alert) for one in book.silences):
        return SILENCED
    if alert.get("state") != RAISED:
        return None
    episode = alert.get("rule"), alert.get("user"), alert.get("episode")
    if any((one.rule, one.user, one.episode) == episode for one in book.acknowledged):
        return ACKNOWLEDGED
    return None


def _named(by: Route | Silence, alert: Mapping[str, Any]) -> bool:
    return (
        (not by.rules or alert.get("rule") in by.rules)
        and (not by.networks or network_of(alert) in by.networks)
        and (not by.users or alert.get("user") in by.users)
    )
