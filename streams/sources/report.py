"""What reading a source counts and tells: good and bad records."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Where a format says which lines it leaves out, and why."""

    @property
    def line(self) -> int:
        """The number of the line last read, from 1."""

    def reached(self, line: int) -> None:
        """For formats that read ahead: what is handed out from now on begins in this line. Who goes on later does so from it."""

    def unusable(self) -> None:
        """The record that is handed out next can only be rejected."""

    def skip(self, reason: str) -> None:
        """A line of the format that is nobody's engagement."""

    def malformed(self, reason: str) -> None:
        """A line that is not in the format."""
