"""The demo's silent star: people engaged with her a week ago, and nobody has since; so her score has fallen by silence alone.

Nothing fades that can be seen within the minutes of a demo. So her history begins a week before it: it ends just before the daily
close that the built-in rule `week-fall` compares with, the close six days before the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice

import orjson

from streams.model.versions import DAY_MS
from streams.partitioner import partition_of
from streams.sources import Produced

NAME = "stella"
FANS = 20  #: few: the higher a score, the less of it fades in a week; from 64.6 to 60.0 here
BEGAN_MS = 2 * 3_600_000  # before the close
JUST_MS = 60_000  # so long before the close the last one came
TOGETHER = 24  #: keys of one partition of so many are so of 2, 3, 4, 6, 8 and 12, too
_SOON_MS = 3_000  # a close that is so near has come when this is scored
_TOPIC = "likes"


def with_silent_star(
    records: Iterable[Produced], network: str, closes_ms: int, now_ms: Callable[[], int], tell: Callable[[str], None]
) -> Iterator[Produced]:
    """Her history, then the records. The day closes at `closes_ms`, ms since epoch, and each 24 hours before and later."""
    last = closes_ms if now_ms() + _SOON_MS >= closes_ms else closes_ms - DAY_MS
    close = last - 6 * DAY_MS
    for number, fan in enumerate(islice(_fans(network), FANS)):
        ts = close - BEGAN_MS + (BEGAN_MS - JUST_MS) * number // (FANS - 1)
        body = {"id": f"silent-{number}", "network": network, "actor": fan, "target": NAME, "ts": ts}
        yield Produced(_TOPIC, f"{network}:{fan}".encode(), orjson.dumps(body), ts)
    tell(f"a silent star: {FANS} people liked {network}:{NAME} a week ago, and nobody has engaged since")
    yield from records


def _fans(network: str) -> Iterator[str]:
    """Ids whose events go out in one batch: what came in two would be scored twice, and half of her history is an alert."""
    fans = (f"fan{number}" for number in count())
    return (fan for fan in fans if partition_of(f"{network}:{fan}", TOGETHER) == 0)
