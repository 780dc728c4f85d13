"""What reading a source counts and tells: good and bad records."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Where a format says which lines it leaves out, and why."""

    def skip(self, reason: str) -> None:
        """A line of the format that is nobody's engagement."""

    def malformed(self, reason: str) -> None:
        """A line that is not in the format."""
