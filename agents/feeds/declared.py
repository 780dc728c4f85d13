"""What a source says of its gaps, as records of `policies`: like `clout control gap`."""

from __future__ import annotations

from collections.abc import Sequence

from streams.broker.policies import read
from streams.model.gaps import Gap, with_gap
from streams.policies.records import encode
from streams.settings import Settings
from streams.sources.live import Missed

DECIDED_S = 10.0  # what we said a moment ago must be there: else it would be taken back


async def declared(
    settings: Settings,
    network: str,
    missed: Sequence[Missed],
    was: int | None,
    now: int | None,
    now_ms: int,
    *,
    again: bool = False,
) -> list[tuple[bytes, bytes | None]]:
    """The record that says it; none when there is nothing new to say.

    `missed` are over; `was` is since when a gap was on, `now` since when one is. What others have declared stays as it is.
    `again`: this connection has declared something before, maybe a moment ago, so it is waited until that can be read.
    Raises as `streams.broker.policies.read`.
    """
    gaps = [Gap(since=one.since, until=one.until) for one in missed if one.until > one.since]
    if was is not None and was != now:
        gaps.append(Gap(since=was, until=max(now_ms, was + 1)))
    if now is not None and was != now:
        gaps.append(Gap(since=now))
    if not gaps:
        return []
    book = (await read(settings, DECIDED_S if again else 0.0)).book()
    of_network = next((one for one in book.gaps if one.network == network), None)
    for gap in gaps:
        of_network = with_gap(of_network, network, gap, now_ms)
    return [] if of_network is None else [encode(of_network)]
