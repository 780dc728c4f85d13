"""Who counts in averages, percentiles and histograms: those engaged with in the last 90 days, whatever they did themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats

LATELY_MS = 90 * DAY_MS


def lately(got_ms: Floats, engagements: Floats, now_ms: float) -> NDArray[np.bool_]:
    """Whose newest engagement, got at `got_ms` (n,), is less than 90 days old; not whose `engagements` (n,) were all undone."""
    return (got_ms > now_ms - LATELY_MS) & (engagements > 0)


def record_counts(record: dict[str, Any], model: Model, now_ms: int) -> bool:
    """The same of a score record, and is it no account of a person (the person counts)? It has no such time, but its windows tell.

    What is 90 days old or older has kept of the week at most 2^(90/62.4 - 90/7) times what it has kept of the quarter. Where there
    is more in the week, something is newer. (What is newer but weighs a thousandth of what is older may be overlooked.)
    """
    _, week_ms, quarter_ms = model.half_lives_ms
    elapsed_ms = now_ms - record["as_of"]
    week, quarter = record["windows"]["week"], record["windows"]["quarter"]
    limit = (elapsed_ms - LATELY_MS) * (1 / week_ms - 1 / quarter_ms)
    return bool(week > quarter * 2.0 ** min(limit, 1000.0)) and "person" not in record
