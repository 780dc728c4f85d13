"""A table of so many users in a fresh process: its memory, and what one event more costs.

Filled in-process, by the functions a worker folds with: each user acts once within 30 days, and most are quiet. No Kafka,
no Redis, no records written. Run with `python -m agents.proof.bench.population USERS EVENTS`.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.model.versions import DAY_MS, DEFAULT
from streams.offline import BLOCK, fold
from streams.sources.record import Produced

_OVER_MS = 30 * DAY_MS
_KINDS = (("likes", "like"), ("shares", "share"), ("retweets", "retweet"), ("follows", "follow"))


def measure(users: int, events: int) -> dict[str, Any]:
    """Bytes a user (resident memory of this process, interpreter included), and CPU us an event once all users are there."""
    users += -users % BLOCK  # the memory is read between two blocks
    seen: dict[str, float] = {}
    now_ms = int(time.time() * 1000)
    empty = _resident_bytes()

    def records() -> Iterator[Produced]:
        dice = random.Random(1)
        for number in range(users):
            ts = now_ms - (users - number) * _OVER_MS // users
            yield _event(number, number, int(users * dice.random()), ts)
        gc.collect()
        seen["filled"] = _resident_bytes()
        # who is engaged with follows Zipf's law with exponent 1; who acts is anybody
        drawn = [
            _event(users + n, int(users * dice.random()), int(users ** dice.random()) - 1, now_ms)
            for n in range(events)
        ]
        seen["cpu_s"] = time.process_time()
        yield from drawn

    table = fold(records(), DEFAULT, newest_ms=now_ms + 1)
    cpu_s, lines = time.process_time() - seen["cpu_s"], table.days.arrays.line
    return {
        "users": len(table),
        "rss_mb": round(seen["filled"] / 1e6, 1),
        "empty_mb": round(empty / 1e6, 1),
        "bytes_per_user": round(seen["filled"] / len(table), 1),
        "lines_of_days": {"open": int((lines > 0).sum()), "packed": int((lines < 0).sum())},
        "events": events,
        "cpu_us_per_event": round(cpu_s / events * 1e6, 2),
    }


def _event(number: int, actor: int, target: int, ts: int) -> Produced:
    topic, kind = _KINDS[number % 4]
    value = f'{{"id":"p{number}","type":"{kind}","network":"demo","actor":"u{actor}","target":"u{target}","ts":{ts}}}'
    return Produced(topic, f"demo:u{actor}".encode(), value.encode(), ts)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4096


if __name__ == "__main__":
    json.dump(measure(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
