"""How a live source stands: for the runner's log, metrics, Redis and the page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

_RATE_S = 10.0  # over which the rate is told


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """As Redis has it, JSON."""

    source: str
    network: str
    state: str  #: reading, waiting, or stopped
    endpoint: str
    instance: str
    at: int  #: of this, ms since epoch
    lag_ms: int | None  #: from the newest that was read to now; null: nothing was read
    rate: float  #: events a second
    events: int  #: since the first cursor of the source
    errors: int  #: connections that were lost, since this process began
    last: str  #: why the last one was
    skipped: dict[str, int]  #: what gave no event, by reason, since the first cursor
    cursor: str | None
    committed: int  #: when that was written, ms since epoch; 0: not yet
    gap: int | None  #: since when a gap is on, ms since epoch


@dataclass(slots=True)
class Figures:
    """What the runner knows, as it goes."""

    source: str
    network: str
    instance: str = ""
    state: str = "waiting"
    endpoint: str = ""
    newest_ms: int = 0
    events: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)  #: by reason, since this process began
    last: str = ""
    cursor: str | None = None
    committed_ms: int = 0
    commits: int = 0
    gap: int | None = None
    rate: float = 0.0
    _seen: tuple[float, int] | None = None

    def tick(self, now_s: float) -> None:
        """Now and then: the rate is over the last ten seconds, a little smoothed."""
        if self._seen is None:
            self._seen = (now_s, self.events)
            return
        passed_s = now_s - self._seen[0]
        if passed_s > 0:
            part = min(passed_s / _RATE_S, 1.0)
            self.rate += ((self.events - self._seen[1]) / passed_s - self.rate) * part
            self._seen = (now_s, self.events)

    def standing(self, now_ms: float) -> Standing:
        """As of now."""
        return Standing(
            source=self.source,
            network=self.network,
            state=self.state,
            endpoint=self.endpoint,
            instance=self.instance,
            at=round(now_ms),
            lag_ms=round(now_ms) - self.newest_ms if self.newest_ms else None,
            rate=round(self.rate, 1),
            events=self.events,
            errors=self.errors.total(),
            last=self.last,
            skipped=dict(self.skipped),
            cursor=self.cursor,
            committed=self.committed_ms,
            gap=self.gap,
        )


def lag_s(one: Any, now_ms: float) -> float | None:
    """Of a `Standing` as JSON: how old the newest is by now, seconds."""
    return None if one["lag_ms"] is None else (one["lag_ms"] + now_ms - one["at"]) / 1000
