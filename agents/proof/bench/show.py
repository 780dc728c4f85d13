"""What a benchmark needs to say what it is doing; the command has bars and colours, a test has nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from agents.proof.bench.preload import Progress


class Show(Protocol):
    """Where a benchmark says what it is doing."""

    def say(self, line: str) -> None:
        """One line."""

    def bar(self, what: str, total: int) -> AbstractContextManager[Progress]:
        """A progress bar; call what it gives with how many more."""
