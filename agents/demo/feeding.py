"""What the demo feeds: invented events stamped now, or a file with its own times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from streams.sources import Produced, Shape, Synthetic, open_source

DEFAULT_RATE = 500.0
DEFAULT_FILE_RATE = 2_000.0
DEFAULT_USERS = 2_000

#: livelier than the real mix: a spark now and then, more shares and replies, few of the undos that reach far back
SHAPE = Shape(
    kinds=(("like", 0.58), ("retweet", 0.1), ("share", 0.08), ("reply", 0.1), ("follow", 0.1), ("mention", 0.04)),
    burst_every_s=20.0,
    burst_s=6.0,
    burst=0.3,
    undo=0.004,
    late=0.002,
    late_mean_ms=5_000.0,
)


@contextmanager
def events(source: str | None, form: str, users: int, seed: int, rate: float) -> Iterator[Iterator[Produced]]:
    """The records to send; a file is closed at the end. Raises UsageError for a file that cannot be read."""
    if source is None:
        yield Synthetic(seed, users, rate, shape=SHAPE, clock=_now_ms, run=f"{time.time_ns():x}")
        return
    with open_source(source, form) as opened:
        yield opened


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
