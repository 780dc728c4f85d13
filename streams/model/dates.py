"""Days as people write them: ISO dates, UTC; and marks, each 20 minutes."""

from __future__ import annotations

import datetime

from streams.fold.rows import MARK_MS

AN_HOUR = 3  #: marks back from the last one
_EPOCH = datetime.date(1970, 1, 1)


def date(day: int) -> str:
    """The date of a day since the epoch."""
    return (_EPOCH + datetime.timedelta(days=day)).isoformat()


def day(text: str) -> int:
    """The day since the epoch of a date. Raises ValueError."""
    return (datetime.date.fromisoformat(text) - _EPOCH).days


def mark(moment_ms: int) -> int:
    """The number of the last mark at or before a moment."""
    return moment_ms // MARK_MS


def mark_before(now_ms: int) -> int:
    """The number of the mark that a score is compared with: the third before the one that was passed last, 60 to 80 minutes ago."""
    return mark(now_ms) - AN_HOUR
