"""Days as people write them: ISO dates, UTC."""

from __future__ import annotations

import datetime

_EPOCH = datetime.date(1970, 1, 1)


def date(day: int) -> str:
    """The date of a day since the epoch."""
    return (_EPOCH + datetime.timedelta(days=day)).isoformat()


def day(text: str) -> int:
    """The day since the epoch of a date. Raises ValueError."""
    return (datetime.date.fromisoformat(text) - _EPOCH).days
