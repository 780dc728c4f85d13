"""A scoreboard in Redis with very many users, written as a worker writes it, for what reads it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any

import orjson

from agents.proof.bench.preload import Progress
from streams.model.score import mass_for
from streams.model.versions import DEFAULT
from streams.partitioner import partition_of
from streams.scoreboard.changes import Changes
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush, Versions
from streams.scoreboard.layout import bin_of
from streams.scoreboard.writer import Writer
from streams.settings import Settings

NETWORK = "bench"
A_CALL = 1_000  #: users of one flush
MEAN, DEVIATION = 40.0, 13.0  #: of scores, about what `clout calibrate` aims at


def user_of(number: int) -> str:
    """The user of that number."""
    return f"{NETWORK}:u{number}"


def fill(settings: Settings, users: int, told: Progress, seed: int = 1) -> None:
    """Write so many users, `user_of(0)` and on, with scores drawn by this seed. Raises redis.exceptions.RedisError."""
    draw = random.Random(seed)
    scores = {user_of(n): min(max(draw.gauss(MEAN, DEVIATION), 2.0), 98.0) for n in range(users)}
    asyncio.run(_write(settings, scores, int(time.time() * 1000), told))


async def _write(settings: Settings, scores: dict[str, float], now_ms: int, told: Progress) -> None:
    client = connect(settings)
    writer = Writer(client, settings.redis_prefix, settings.redis_shards, settings.partitions, settings.app)
    by_partition: dict[int, list[str]] = {number: [] for number in range(settings.partitions)}
    for user in scores:
        by_partition[partition_of(user, settings.partitions)].append(user)
    try:
        for number, users in by_partition.items():
            versions, bins = Versions(1), Counter[int]()
            for start in range(0, max(len(users), 1), A_CALL):
                some = users[start : start + A_CALL]
                bins.update(bin_of(scores[user]) for user in some)
                pulse = _pulse(now_ms, start + len(some))
                changes = Changes.of([(user, scores[user], record(user, scores[user], now_ms)) for user in some])
                await writer.write(Flush(number, versions.next(), pulse, changes, dict(bins)))
                told(len(some))
    finally:
        await client.aclose()


def _pulse(now_ms: int, users: int) -> dict[str, Any]:
    shown = {
        "users": users,
        "shown": users,
        "counted": users,
        "linked": 0,
        "indexed": users,
        "networks": {NETWORK: users},
    }
    counts = {"folded": users, "rejected": 0, "repeats": 0}
    about = {"event_ts": now_ms, "as_of": now_ms, "owner": "bench", "model": DEFAULT.name, "latency": {"10": users}}
    return {**about, **shown, "counts": counts}


def record(user: str, score: float, now_ms: int) -> bytes:
    """A score record whose windows give this score: half of the mass is a day old, the rest stays for longer."""
    mass = mass_for(score, DEFAULT)
    day, week, quarter = DEFAULT.mixture
    return orjson.dumps(
        {
            "user": user,
            "score": score,
            "as_of": now_ms,
            "event_ts": now_ms - 1_000,
            "engagements": int(40 * mass) + 1,
            "actors": int(20 * mass) + 1,
            "actions": 31,
            "model": DEFAULT.name,
            "version": 2**32 + 1,
            "windows": {"day": mass / 4 / day, "week": mass / 4 / week, "quarter": mass / 2 / quarter},
            "followers": 0,
            "acted": 0.0,
            "floored": False,
            "parts": {
                "kinds": {"like": score * 0.5, "reply": score * 0.3, "share": score * 0.2},
                "networks": {NETWORK: score},
                "reach": 0.0,
                "participation": 0.0,
            },
            "delta": {"day": 0.4},
            "confidence": 0.97,
            "provisional": False,
        }
    )
