"""Lines to a file descriptor that may be stuck (a pipe that nobody reads, ^S): a thread writes, and whoever speaks never waits."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading

MOST_BYTES = 1 << 20


class Speaker:
    """What is said by one thread is written by another; what is more than `most_bytes` ahead of it is dropped and counted."""

    def __init__(self, fd: int, most_bytes: int = MOST_BYTES) -> None:
        self._fd, self._most_bytes = fd, most_bytes
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._said_bytes = self._written_bytes = 0  # each is changed by one of the two threads only
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="speaker", daemon=True)
        self._thread.start()

    def say(self, lines: bytes) -> None:
        """Whole lines. After lines that were dropped, the first that is not begins with how many they were."""
        if self._said_bytes - self._written_bytes + len(lines) > self._most_bytes:
            self._dropped += lines.count(b"\n")
        elif lines:  # an empty one is the end
            self._put(self._loss() + lines)

    def close(self, patience_s: float = 2.0) -> None:
        """Wait until all is written, but not for ever."""
        self._put(self._loss())
        self._put(b"")
        self._thread.join(patience_s)

    def _put(self, lines: bytes) -> None:
        self._said_bytes += len(lines)
        self._lines.put(lines)

    def _loss(self) -> bytes:
        dropped, self._dropped = self._dropped, 0
        return b"%d lines were dropped here: nobody read them in time\n" % dropped if dropped else b""

    def _write(self) -> None:
        while lines := self._lines.get():
            with contextlib.suppress(OSError):  # nobody will ever read it: no reason to end
                left = memoryview(lines)
                while left:
                    select.select([], [self._fd], [])  # others may have made it non-blocking
                    left = left[os.write(self._fd, left) :]
            self._written_bytes += len(lines)
