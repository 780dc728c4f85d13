"""When everything fed has arrived in the rows and in Redis, and what came out in the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from agents.api.leaders import Record, totals
from streams.errors import CloutError
from streams.model.alert_reading import RAISED, feed_of
from streams.scoreboard.latency import quantiles
from streams.scoreboard.reader import Reader

STUCK_S = 20.0  # without any progress for so long, what is missing will not come
LOOK_S = 0.05


class NotFolded(CloutError):
    """Some of what was fed never arrived in the rows."""


async def folded(reader: Reader, fed: int) -> float:
    """Wait until all that was fed is folded and in Redis, or nothing moves any more; monotonic seconds of the last move.

    A partition's counts move with the last call of an interval, so what they count is in Redis.
    """
    seen, moved_s = -1, time.monotonic()
    while seen < fed and time.monotonic() - moved_s < STUCK_S:
        counted = sum(totals(await reader.pulses()).values())
        if counted != seen:
            seen, moved_s = counted, time.monotonic()
        await asyncio.sleep(LOOK_S)
    return moved_s


async def result(reader: Reader, fed: int, elapsed_s: float, now_ms: int, *, live: bool) -> Record:
    """What `clout demo --json` prints. Counters come from the worker; `live` is False when latencies mean nothing."""
    pulses = await reader.pulses()
    counts = totals(pulses)
    raised = [one for one in await reader.alerts(1_000) if one["state"] == RAISED and feed_of(one) is None]
    causes = dict(Counter(alert["cause"] for alert in raised).most_common())
    p50, p99 = quantiles([pulse["latency"] for pulse in pulses.values()] if live else [], (0.5, 0.99))
    return {
        "fed": fed,
        **counts,
        "alerts": sum(causes.values()),
        "causes": causes,
        "users": await reader.population(),
        "events_per_s": round(sum(counts.values()) / elapsed_s, 1) if elapsed_s > 0 else 0.0,
        "latency_p50_ms": p50,
        "latency_p99_ms": p99,
        "top": await reader.top(10, now_ms),
    }


def whole(came: Record) -> str:
    """One line about a result whose counters add up. Raises NotFolded when they do not."""
    counted = came["folded"] + came["rejected"] + came["repeats"]
    if counted != came["fed"]:
        raise NotFolded(
            f"fed {came['fed']:,} events, and {counted:,} were counted as folded, rejected or repeats; nothing has moved "
            f"for {STUCK_S:.0f} s. Please report this, with the seed or the file"
        )
    return (
        f"fed {came['fed']:,}: folded {came['folded']:,}, rejected {came['rejected']:,}, repeats {came['repeats']:,}; "
        f"{came['users']:,} users have a score"
    )
