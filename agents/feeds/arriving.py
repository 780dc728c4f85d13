"""Records from a pipe that may trickle: read in a thread, so that waiting for the next line holds up nothing that was read."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import BinaryIO

from streams.sources import Produced

_ENOUGH = 10_000  # records read ahead


def own_stdin() -> BinaryIO:
    """Stdin without Python's buffer, whose lock a thread that still reads would hold when the process ends."""
    return os.fdopen(os.dup(0), "rb", buffering=0)


class Arriving:
    """An iterator over what has arrived, that ends when nothing has; `ended` says that nothing more will come."""

    def __init__(self, records: Iterable[Produced]) -> None:
        self._queue: queue.Queue[Produced] = queue.Queue(_ENOUGH)
        self._records = records
        self._error: BaseException | None = None
        self._done = False
        threading.Thread(target=self._read, daemon=True, name="source").start()

    @property
    def ended(self) -> bool:
        """Is everything read and handed out? Raises what the source raised."""
        if not self._done or not self._queue.empty():
            return False
        if self._error:
            raise self._error
        return True

    def now(self) -> Iterator[Produced]:
        """What is there."""
        take: Callable[[], Produced] = self._queue.get_nowait
        while True:
            try:
                yield take()
            except queue.Empty:
                return

    def _read(self) -> None:
        with ExitStack() as reading:
            reading.push(self._over)
            for record in self._records:
                self._queue.put(record)

    def _over(self, _type: object, error: BaseException | None, _trace: object) -> bool:
        """The source has ended; an error is raised again in the thread that asks."""
        self._error = error
        self._done = True
        return True
