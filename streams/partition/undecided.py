"""Records that a transaction holds back: whose producer has neither committed nor aborted, so that nobody may read on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streams.partition.ports import Source


class Held(NamedTuple):
    """What lies behind the committed end of one source."""

    offsets: int  #: from the committed end to the end of the log; markers take some
    since_ms: float  #: since when the committed end has been there, ms since epoch


class Undecided:
    """Looks now and then where the committed ends are. A look that finds one moved starts its time anew."""

    def __init__(self, wall_ms: Callable[[], float]) -> None:
        self._wall_ms = wall_ms
        self._held: dict[Source, tuple[int, Held]] = {}

    def look(self, source: Source, committed: int, end: int) -> None:
        """The ends as the broker last said them."""
        before = self._held.pop(source, None)
        if end > committed:
            since_ms = before[1].since_ms if before and before[0] == committed else self._wall_ms()
            self._held[source] = committed, Held(end - committed, since_ms)

    def of(self, number: int) -> dict[str, Held]:
        """What is held back in this partition number, by base topic."""
        return {topic: held for (topic, of), (_, held) in self._held.items() if of == number}
