"""The job every peer does, in Python: weigh an event, three decayed sums of its target, the score of the model `plain`.

Standard library and msgspec only: the peers run it in an environment of their own. The Java peers have the same in `Job.java`.
"""

from __future__ import annotations

import msgspec

WEIGHT = {"like": 1.0, "follow": 2.0, "mention": 2.0, "reply": 3.0, "share": 4.0, "retweet": 4.0}
TOPICS = ("likes", "follows", "mentions", "replies", "shares", "retweets")
DAY_MS = 86_400_000
HALF_LIVES_MS = (1.0 * DAY_MS, 7.0 * DAY_MS, 62.4 * DAY_MS)
READY = "took partitions"  #: a peer's log says it when it is about to read; what comes before is not measured

Engagement = tuple[str, int, float]  #: user, ts in ms, weight
Row = tuple[float, float, float, int, int]  #: sums of day, week and quarter as of ts in ms, engagements


class Event(msgspec.Struct, gc=False):
    """What the job reads of an event."""

    network: str
    actor: str
    ts: int
    type: str
    target: str = ""
    undo: bool = False


decode = msgspec.json.Decoder(Event).decode


def weigh(value: bytes) -> Engagement | None:
    """What an event gives to its target; None for an undo and for somebody who engages with himself."""
    event = decode(value)
    if event.undo or event.target == event.actor:
        return None
    return f"{event.network}:{event.target}", event.ts, WEIGHT[event.type]


def add(row: Row | None, ts: int, weight: float) -> Row:
    """The row with one engagement more, as of its newest: in whatever order they come, the sums are the same."""
    if row is None:
        return weight, weight, weight, ts, 1
    day, week, quarter, at, engagements = row
    if ts >= at:
        elapsed_ms, later = at - ts, ts
        sums = [s * 2.0 ** (elapsed_ms / h) + weight for s, h in zip((day, week, quarter), HALF_LIVES_MS, strict=True)]
    else:
        elapsed_ms, later = ts - at, at
        sums = [s + weight * 2.0 ** (elapsed_ms / h) for s, h in zip((day, week, quarter), HALF_LIVES_MS, strict=True)]
    return sums[0], sums[1], sums[2], later, engagements + 1


def record(user: str, row: Row) -> dict[str, object]:
    """A row as it goes to `scores`; the score is that of the model `plain` without reach and participation."""
    day, week, quarter, ts, engagements = row
    x = ((quarter + 0.5 * week + 0.5 * day) / 6.4) ** 0.375
    windows = {"day": day, "week": week, "quarter": quarter}
    score = max(1.0, 100.0 * x / (1.0 + x))
    return {"user": user, "score": score, "as_of": ts, "engagements": engagements, "windows": windows}
