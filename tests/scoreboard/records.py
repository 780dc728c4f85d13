"""Score records and flushes for the tests."""

from __future__ import annotations

from typing import Any

import orjson

from streams.partitioner import partition_of
from streams.scoreboard.changes import Changes
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import bin_of

NOW_MS = 1_767_225_600_000


def record(user: str, score: float, **other: Any) -> dict[str, Any]:
    """A whole score record; its windows are made up and do not give this score."""
    return {
        "user": user,
        "score": score,
        "as_of": NOW_MS,
        "event_ts": NOW_MS - 1_000,
        "engagements": 12,
        "actors": 9,
        "actions": 3,
        "model": "clout-1",
        "version": 4_294_967_299,
        "windows": {"day": 0.0, "week": 0.0, "quarter": 4.0},
        "followers": 4,
        "acted": 2.5,
        "floored": False,
        "parts": {"kinds": {"like": 20.0}, "networks": {"bluesky": 20.0}, "reach": 2.0, "participation": 1.0},
        "delta": {"day": None},
        "confidence": 0.64,
        "provisional": False,
        **other,
    }


def rows(scores: dict[str, float], **other: Any) -> Changes:
    """What a flush carries for these users."""
    return Changes.of([(user, score, orjson.dumps(record(user, score, **other))) for user, score in scores.items()])


def bins(scores: dict[str, float]) -> dict[int, int]:
    """The histogram of these scores."""
    counts: dict[int, int] = {}
    for score in scores.values():
        counts[bin_of(score)] = counts.get(bin_of(score), 0) + 1
    return counts


def flush(
    version: int, scores: dict[str, float] | None = None, partition: int = 0, shown: int = 0, **other: Any
) -> Flush:
    """A flush of these users with a small pulse."""
    users = rows(scores or {})
    return Flush(partition, version, {"event_ts": NOW_MS, "owner": "w1", "shown": shown}, users, **other)


def by_partition(scores: dict[str, float], partitions: int, version: int = 1) -> list[Flush]:
    """One flush for each partition that has some of these users, histogram included."""
    split: dict[int, dict[str, float]] = {}
    for user, score in scores.items():
        split.setdefault(partition_of(user, partitions), {})[user] = score
    return [flush(version, some, p, bins=bins(some)) for p, some in sorted(split.items())]
