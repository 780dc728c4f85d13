"""What a partition has told of alerts since it was taken over, counted for /metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec


class _Which(msgspec.Struct):
    rule: str
    state: str
    cause: str = ""


_which = msgspec.json.Decoder(_Which).decode

#: why no alert was raised though a rule holds
COOLDOWN, IGNORED, BOUND = "cooldown", "ignored", "bound"


@dataclass(slots=True)
class Alerted:
    """Counts of one partition."""

    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: by rule, state and cause
    #: by why: soon after the last one, its cause is not wanted, there were too many at once
    suppressed: dict[str, int] = field(default_factory=lambda: dict.fromkeys((COOLDOWN, IGNORED, BOUND), 0))

    def committed(self, alerts: Iterable[bytes]) -> None:
        """Kafka has these (an `AlertRecord` each, JSON)."""
        for alert in alerts:
            which = _which(alert)
            self.told[which.rule, which.state, which.cause] += 1
