"""What a partition has told of alerts since it was taken over, counted for /metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streams.model.cases import BOUND, COOLDOWN, IGNORED_CAUSE, Alert


@dataclass(slots=True)
class Alerted:
    """Counts of one partition."""

    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: by rule, state and cause
    #: by why: soon after the last one, its cause is not wanted, as many rules as are kept of one user are on already
    suppressed: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys((COOLDOWN, IGNORED_CAUSE, BOUND), 0))
    )

    def committed(self, alerts: Iterable[Alert]) -> None:
        """Kafka has these."""
        self.told.update((alert.rule, alert.state, alert.cause) for alert in alerts)

    def held_back(self, why: Mapping[str, int]) -> None:
        """So many were not raised though a rule held."""
        self.suppressed.update(why)
