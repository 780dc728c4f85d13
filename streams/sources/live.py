"""What a live source is: events as they happen somewhere, and a cursor to go on from. How to write one: agents/feeds/README.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from streams.display_names import Named
from streams.errors import CloutError
from streams.sources.record import NO_TIME, Produced

MOST_CURSOR_BYTES = 1_024  #: of a cursor, in UTF-8: it is written once a second, and kept


class Missed(NamedTuple):
    """A stretch that the source could not give again: ms since epoch, UTC."""

    since: int
    until: int


@dataclass(slots=True)
class Batch:
    """What came together: events in their order, and where the source is behind them."""

    events: Sequence[Produced]
    cursor: str  #: JSON text that the source itself understands, at most MOST_CURSOR_BYTES
    ts: int = NO_TIME  #: the source's time of the newest of it, ms since epoch; with or without events
    skipped: Counter[str] = field(default_factory=Counter)  #: what gave no event, by reason
    missed: Missed | None = None  #: what lies between the cursor asked for and this batch, and is not to be had
    names: Sequence[Named] = ()  #: what users are called from now on, as the source has it: whoever takes it cleans it


class Lost(CloutError):
    """The connection is of no use any more: it ended, was refused, or says what it should not. The runner tries again."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        """`wait_s`: the server says that it does not want to be asked earlier."""
        super().__init__(reason)
        self.wait_s = wait_s


class LiveSource(Protocol):
    """A source. The runner opens one connection at a time; what it does in between is in `agents.feeds.runner`."""

    @property
    def name(self) -> str:
        """Of the source: key of its cursor, part of its transactional id."""

    @property
    def network(self) -> str:
        """Whose gap it is when nothing comes."""

    @property
    def endpoints(self) -> Sequence[str]:
        """Where it can be had; after a failure the next one is tried."""

    @property
    def replays(self) -> bool:
        """Does it give again what came after a cursor? Else each break is a gap."""

    @property
    def stall_s(self) -> float | None:
        """A connection that is silent for so long is dead; None: silence is nothing special."""

    def events(self, endpoint: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """One connection: all that comes behind `cursor`, without one all that comes from now on.

        What the cursor covers is not given again. Raises Lost; ends only when nothing will ever come any more.
        """
        ...
