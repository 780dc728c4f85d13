"""Where the records of a feed come from: the line to go on from when it breaks off, so that nothing is lost and little doubles."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from streams.errors import CloutError
from streams.sources import Produced, Source


class Places:
    """An iterator over a source that keeps the line of each record, until `settle` says that it has arrived.

    A thread may iterate while another settles: each touches one end of a deque.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines: deque[int] = deque()
        self._settled = 0
        self._ended = False

    def __iter__(self) -> Iterator[Produced]:
        source, lines = self._source, self._lines
        try:
            for record in source:
                lines.append(source.begun)
                yield record
        except CloutError:
            self._ended = True  # what came before the damage was handed out
            raise
        self._ended = True

    def settle(self, first: int) -> None:
        """All records before this one, counted from 1, are where they belong."""
        for _ in range(min(first - 1 - self._settled, len(self._lines))):
            self._lines.popleft()
            self._settled += 1

    def line(self) -> int:
        """The first line of which something has not arrived; the one behind the last that was read, if everything has."""
        if self._lines:
            return self._lines[0]
        if not self._ended:  # is there more of the line that was read last?
            try:
                next(self._source)
            except (CloutError, StopIteration):
                self._ended = True
            except ValueError:  # a thread is waiting for it
                pass
        return self._source.line + 1 if self._ended else self._source.begun
