"""What a run says while it goes on: one line per happening with its time, on stderr and in a file beside the logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


class Telling:
    """Call it with a line. Seconds count from its making."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file, self._say, self._began_s = file, say, time.monotonic()

    def __call__(self, line: str) -> None:
        """Say it and keep it."""
        stamped = f"{self.seconds:7.1f} s  {line}"
        with self._file.open("a") as out:
            out.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {stamped}\n")
        self._say(stamped)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s
