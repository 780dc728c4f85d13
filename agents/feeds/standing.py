"""How a live source stands: for the runner's log, metrics, Redis and the page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from agents.shapes.sources import SourceStanding

_RATE_S = 10.0  # over which the rate is told


@dataclass(slots=True)
class Figures:
    """What the runner knows, as it goes."""

    source: str
    network: str
    instance: str = ""
    state: Literal["reading", "waiting", "stopped"] = "waiting"
    endpoint: str = ""
    newest_ms: int = 0
    events: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)  #: by kind of reason, since this process began
    last: str = ""
    cursor: str | None = None
    committed_ms: int = 0
    commits: int = 0
    names: int = 0  #: records of `names` written, since this process began
    gap: int | None = None
    rate: float = 0.0
    _seen: tuple[float, int] | None = None

    def lost(self, reason: str) -> None:
        """A connection was. What follows a colon in the reason is not the same twice."""
        self.state, self.last = "waiting", reason
        self.errors[reason.partition(":")[0]] += 1

    def tick(self, now_s: float) -> None:
        """Now and then: the rate is over the last ten seconds, a little smoothed."""
        if self._seen is None:
            self._seen = (now_s, self.events)
            return
        passed_s = now_s - self._seen[0]
        if passed_s > 0:
            part = min(passed_s / _RATE_S, 1.0)
            came = max(self.events - self._seen[1], 0)  # fewer, when Kafka did not take some
            self.rate += (came / passed_s - self.rate) * part
            self._seen = (now_s, self.events)

    def standing(self, now_ms: float) -> SourceStanding:
        """As of now."""
        return SourceStanding(
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
