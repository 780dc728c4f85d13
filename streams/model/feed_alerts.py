"""Alerts about feeds: one when a gap of a network begins, one when it is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

from streams.model.gaps import Gap
from streams.model.published import FeedRecord

State = Literal["raised", "recovered"]
_encode = msgspec.json.Encoder().encode


class FeedAlert(NamedTuple):
    """One of them, ready to be sent."""

    network: str
    state: State
    value: bytes  #: a `FeedRecord`, JSON


class Told(NamedTuple):
    """When it is told, and what is known then."""

    now_ms: int
    policies: int  #: offset of the last policy that was known
    version: int


def feed_alert(network: str, state: State, gap: Gap, expected: float, told: Told) -> FeedAlert:
    """Of a gap that is on, or is over since its `until`. `expected` events usually come in that time."""
    body = FeedRecord(
        id=f"gap/{network}/{gap.since}/{state}",
        network=network,
        state=state,
        at=told.now_ms,
        since=gap.since,
        until=gap.until if state == "recovered" else None,
        by=gap.by,
        expected=round(expected, 1),
        sentence=_sentence(network, state, gap, expected),
        policies=told.policies,
        version=told.version,
    )
    return FeedAlert(network, state, _encode(body))


def _sentence(network: str, state: State, gap: Gap, expected: float) -> str:
    usually = f"; usually {expected:,.0f} events in that time" if expected >= 1 else ""
    if state == "raised":
        return f"nothing comes from {network} since {_moment(gap.since)}{usually}"
    until = "" if gap.until is None else f" until {_moment(gap.until)}"
    return f"events of {network} come again: nothing came from {_moment(gap.since)}{until}{usually}"


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
