"""The entries of the last while, as Redis keeps them: whoever comes back is served from here, without a read of Redis.

    stream 0     1-0       5-0  6-0
    stream 1          3-0            7-0
    number         0    1    2    3    4      in the order in which they came here
                   ^ first                ^ end

Of each stream the last entry that has left the window is known too, if there was one: a cursor may stand on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from agents.api.stream.positions import START, Ident, Position


class Entry(NamedTuple):
    """One entry of the stream with this number."""

    stream: int
    ident: Ident
    payload: bytes


class Window:
    """At most so many entries and bytes, the newest. `whole` says of each stream whether it begins with its first entry ever."""

    def __init__(self, streams: int, most: int, most_bytes: int) -> None:
        self.end = 0  #: the number of the next entry
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._log: deque[Entry] = deque()
        self._head = [START] * streams
        self._floor: list[Ident | None] = [START] * streams
        self._numbers: list[dict[Ident, int]] = [{} for _ in range(streams)]

    def __len__(self) -> int:
        return len(self._log)

    @property
    def first(self) -> int:
        """The number of the oldest entry."""
        return self.end - len(self._log)

    @property
    def head(self) -> Position:
        """Behind all there is."""
        return tuple(self._head)

    def unsure(self, stream: int) -> None:
        """What came before the oldest entry of this stream is not known."""
        self._floor[stream] = None

    def append(self, entry: Entry) -> None:
        """The next one of its stream. The oldest of all leave when there are too many."""
        self._numbers[entry.stream][entry.ident] = self.end
        self._head[entry.stream] = entry.ident
        self._log.append(entry)
        self.end += 1
        self._bytes += len(entry.payload)
        while len(self._log) > self._most or (self._bytes > self._most_bytes and len(self._log) > 1):
            oldest = self._log.popleft()
            self._bytes -= len(oldest.payload)
            self._floor[oldest.stream] = oldest.ident
            del self._numbers[oldest.stream][oldest.ident]

    def behind(self, position: Position) -> int | None:
        """The number from which on entries may be new at this position; None: some that are new have left, or never were here.

        Where the position is ahead of a stream nothing can be said yet: see `ahead`.
        """
        numbers = [self._behind(stream, ident) for stream, ident in enumerate(position)]
        return None if None in numbers else min(number for number in numbers if number is not None)

    def _behind(self, stream: int, ident: Ident) -> int | None:
        if ident >= self._head[stream]:
            return self.end
        if ident == self._floor[stream]:
            return self.first
        number = self._numbers[stream].get(ident)
        return None if number is None else number + 1

    def ahead(self, position: Position) -> bool:
        """Has another process, which gave this position, seen more than this one?"""
        return any(ident > head for ident, head in zip(position, self._head, strict=True))

    def slice(self, number: int, most: int) -> Sequence[Entry]:
        """Up to `most` entries from this number on, which has not left."""
        start = number - self.first
        return list(islice(self._log, start, start + most))
