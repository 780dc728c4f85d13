"""What one call writes to Redis: one chunk of one partition's changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

#: Lua hands at most about 8,000 values to one command, two for each user
MAX_USERS = 2_000


#: Lua's numbers are doubles: a larger version could not be compared exactly
MAX_VERSION = 2**53


@dataclass(frozen=True, slots=True)
class Flush:
    """One chunk of one partition's changes; 500-1,000 users are best, 2,000 the most."""

    partition: int
    #: generation * 2**32 + a number that rises with every chunk
    version: int
    #: what the partition says about itself: event_ts, as_of, owner, ...; the writer adds the version
    pulse: dict[str, Any]
    #: user, score, finished record (JSON, UTF-8)
    users: list[tuple[str, float, bytes]] = field(default_factory=list)
    #: changed histogram bins with the number of users now in them
    bins: dict[int, int] = field(default_factory=dict)
    #: one JSON for push: what changed
    updates: bytes | None = None
    #: the day (YYYY-MM-DD, UTC) that ended and the closing scores; at most 2,000
    closes: tuple[str, list[tuple[str, float]]] | None = None
    #: finished alerts (JSON, UTF-8)
    alerts: list[bytes] = field(default_factory=list)
    #: the version Redis must have, else nothing is written; None: any older one
    after: int | None = None
    #: the first chunk of a partition that is written anew: `bins` is the whole histogram, what was there is dropped
    anew: bool = False


class Scoreboard(Protocol):
    """Where scores are shown: `streams.scoreboard.writer.Writer`."""

    async def write(self, flush: Flush) -> int:
        """Write one chunk if Redis has the version it names; returns the version found before."""

    async def version(self, partition: int) -> int:
        """The version that is shown now; 0: none."""
