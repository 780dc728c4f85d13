"""What goes between a partition and Redis: one chunk of its changes out, and a look at what is there back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:  # who only looks at Redis loads no compiler
    from streams.scoreboard.changes import Changes

#: Lua hands at most about 8,000 values to one command, two for each user
MAX_USERS = 2_000


#: Lua's numbers are doubles: a larger version could not be compared exactly
MAX_VERSION = 2**53


class Versions:
    """The numbers under which a partition publishes and writes to Redis: they rise, whoever holds it."""

    def __init__(self, generation: int) -> None:
        """`generation` rises with every take-over and is worth 2**32."""
        self.generation = generation
        self.last = generation << 32

    def next(self) -> int:
        """One that is higher than all before."""
        self.last += 1
        return self.last


def _nobody() -> Changes:
    from streams.scoreboard.changes import Changes

    return Changes.of([])


@dataclass(frozen=True, slots=True)
class Flush:
    """One chunk of one partition's changes; 500-1,000 users are best, 2,000 the most."""

    partition: int
    #: see `Versions`
    version: int
    #: what the partition says about itself: event_ts, as_of, owner, ...; the writer adds the version
    pulse: dict[str, Any]
    #: who changed, with finished records (JSON, UTF-8)
    users: Changes = field(default_factory=_nobody)
    #: changed histogram bins with the number of users now in them
    bins: dict[int, int] = field(default_factory=dict)
    #: one JSON for push: what changed
    updates: bytes | None = None
    #: users of this chunk whose daily closes are others than Redis has, and these, see `streams.model.days.shown`
    closes: list[tuple[str, bytes]] = field(default_factory=list)
    #: users whose topics, people and moments are others than Redis has, and these (JSON)
    influence: list[tuple[str, bytes]] = field(default_factory=list)
    #: by topic [place, user, ...] on its board
    topics: dict[str, list[float | str]] = field(default_factory=dict)
    #: by topic the users who are on its board no more
    off_topics: dict[str, list[str]] = field(default_factory=dict)
    #: finished alerts (JSON, UTF-8): for the stream, and for the latest of their users
    alerts: list[bytes] = field(default_factory=list)
    #: the version Redis must have, else nothing is written; None: any older one
    after: int | None = None
    #: the first chunk of a partition that is written anew: `bins` is the whole histogram, what was there is dropped
    anew: bool = False


class Look(NamedTuple):
    """One partition in Redis and the shard around it, all of one moment."""

    version: int  #: of the partition; 0: none
    shown: int  #: users of the partition that Redis had with that version, as its pulse says
    counted: int  #: users in its histogram
    together: int  #: `shown` of all partitions of the shard
    board: int  #: users on the board of the shard
    users: int  #: users with a record
    history: int  #: users with daily closes
    alerts: int  #: alerts in the stream
    linked: int = 0  #: users of the partition who are accounts of persons: not on the board, not in the histogram
    linked_together: int = 0  #: `linked` of all partitions of the shard
    unplaced: int = 0  #: users missing from the boards of their networks, of all that pulses name
    engaged: int = 0  #: users of the partition who should be in its histogram, as its pulse says
    closes: int = 0  #: users whose daily closes all partitions of the shard have given
    influence: int = 0  #: users with topics, people and moments
    influences: int = 0  #: of how many all partitions of the shard have given them
    alerted: int = 0  #: users whose latest alerts are kept
    found: int = 0  #: users who can be found by search, and by their numeric ids: the less of both
    indexed: int = 0  #: of how many all partitions of the shard have given that

    @property
    def lost(self) -> str:
        """What of this partition alone is not there any more, in words; empty: nothing."""
        wanted = self.engaged
        return "" if self.counted == wanted else f"the histogram has {self.counted} users instead of {wanted}"

    @property
    def gaps(self) -> tuple[int, int, int, int]:
        """By how many users board, records, boards of networks and index fall short of what the partitions have shown.

        More than that may be there: who left the rows stays in Redis. Then the two are alike, so one that has fewer lacks some.
        """
        board = self.board + self.linked_together
        wanted = max(self.together, board, self.users)
        return wanted - board, wanted - self.users, self.unplaced, max(self.indexed - self.found, 0)


class Scoreboard(Protocol):
    """Where scores are shown: `streams.scoreboard.writer.Writer`."""

    async def write(self, flush: Flush) -> int:
        """Write one chunk if Redis has the version it names; returns the version found before."""

    async def look(self, partition: int) -> Look:
        """What there is of a partition, and in its shard, now."""

    async def lacking(self, partition: int, users: list[str], *, linked: bool = False) -> int:
        """How many of these users of the partition are not on their boards, have no record, or cannot be found.

        `linked`: they are accounts of persons, whom the overall board has not.
        """
