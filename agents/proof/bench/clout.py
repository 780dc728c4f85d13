"""One worker process drains what lies in the topics; its CPU, memory and speed, and a check of every user's counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from agents.proof.bench.expected import Expected, difference
from agents.proof.bench.machine import cpu_s, peak_rss_mb
from agents.proof.bench.servers import Ready, Servers, count_records, process, redis_cpu_s
from streams.errors import CloutError
from streams.partition.interval import LONGEST_S
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from streams.topics import SCORES

WORKER = [
    sys.executable,
    "-c",
    "from agents.worker.start import run; from streams.settings import Settings; run(Settings.load())",
]
READY = b"took partitions="
POLL_S = 0.05
STALLED_S = 60.0


class WrongResult(CloutError):
    """The system under test is fast, but what it computed is not what was fed."""


@dataclass
class Drain:
    """One drain, from the moment the process has its partitions to the last write."""

    events: int
    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    beside: dict[str, float | None]

    def report(self) -> dict[str, Any]:
        """As it goes into the JSON."""
        return {
            "events": self.events,
            "events_per_s": round(self.events / self.wall_s),
            "cpu_us_per_event": round(self.cpu_s / self.events * 1e6, 2),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "wall_s": round(self.wall_s, 3),
            **{f"{name}_cpu_us_per_event": _each(value, self.events) for name, value in self.beside.items()},
        }


def _each(seconds: float | None, events: int) -> float | None:
    return None if seconds is None else round(seconds / events * 1e6, 2)


class Beside:
    """CPU of the servers while a system is under test."""

    def __init__(self, servers: Servers, redis: Any) -> None:
        self._pid, self._redis = servers.kafka_pid, redis
        self._began = self._now()

    def _now(self) -> dict[str, float | None]:
        return {"kafka": cpu_s(self._pid) if self._pid else None, "redis": redis_cpu_s(self._redis)}

    def used_s(self) -> dict[str, float | None]:
        """CPU seconds since this was made, by server; None where we cannot know."""
        now = self._now()
        return {name: None if (at := now[name]) is None else at - (began or 0.0) for name, began in self._began.items()}


def drain(settings: Settings, servers: Servers, expected: Expected, folded: Callable[[int], None]) -> dict[str, Any]:
    """Run a worker on the filled topics until all is in Redis and in `scores`. Raises WrongResult.

    CPU is that of the whole process since it logged that it took its partitions; imports and connecting lie before.
    """
    with connect_sync(settings) as redis, process(WORKER, settings, READY) as worker:
        beside, cpu_before_s = Beside(servers, redis), cpu_s(worker.process.pid)
        written = _until_written(settings, redis, worker, expected, folded)
        result = Drain(
            expected.events,
            written.at_s - worker.at_s,
            written.cpu_s - cpu_before_s,
            peak_rss_mb(worker.process.pid),
            beside.used_s(),
        ).report()
        wrong = _wrong(settings, redis, expected)
        if wrong:  # an interval of nothing but undos can be on its way when the histogram is already complete
            time.sleep(LONGEST_S + 1.0)
            wrong = _wrong(settings, redis, expected)
        if wrong:
            raise WrongResult(wrong)
    result["users"] = len(expected.users)
    result["score_records"] = count_records(settings, SCORES.name)
    return result


class _Seen(NamedTuple):
    """What one partition's pulse said, and when the worker's CPU stood where."""

    at_s: float
    cpu_s: float
    version: int
    done: int  #: events counted; runs ahead of what is written
    shown: int  #: engagements whose effect is in Redis; runs behind by one pulse


def _until_written(
    settings: Settings, redis: Any, worker: Ready, expected: Expected, folded: Callable[[int], None]
) -> _Seen:
    """Wait until every engagement is in Redis; returns the look at which the last write was first seen.

    A pulse tells with the next write that all before it has arrived, at the latest with the idle pass after the end. So the
    last write of a partition is the one before the pulse that first shows its final number.
    """
    pid, history, done = worker.process.pid, dict[int, list[_Seen]](), 0
    moved_s = time.monotonic()
    while True:
        worker.check()
        at_s, cpu_used_s = time.monotonic(), cpu_s(pid)
        for number, pulse in _pulses(settings, redis).items():
            seen = history.setdefault(number, [])
            if not seen or seen[-1].version != pulse["version"]:
                counts = pulse["counts"]
                counted = counts["folded"] + counts["repeats"] + counts["rejected"]
                seen.append(_Seen(at_s, cpu_used_s, pulse["version"], counted, sum(pulse["latency"].values())))
        now = sum(seen[-1].done for seen in history.values())
        if now > done:
            folded(now - done)
            done, moved_s = now, at_s
        if done >= expected.events and sum(seen[-1].shown for seen in history.values()) >= expected.timed:
            break
        if at_s - moved_s > STALLED_S:
            shown = sum(seen[-1].shown for seen in history.values())
            raise WrongResult(
                f"the worker stands still for {STALLED_S:.0f} s: {done:,} of {expected.events:,} events counted, "
                f"{shown:,} of {expected.timed:,} engagements shown"
            )
        time.sleep(POLL_S)
    if done != expected.events:
        raise WrongResult(f"the worker counted {done:,} events, {expected.events:,} were fed")
    return max(_last_write(seen) for seen in history.values())


def _last_write(seen: list[_Seen]) -> _Seen:
    first_final = next(i for i, look in enumerate(seen) if look.shown == seen[-1].shown)
    return seen[max(first_final - 1, 0)]


def _pulses(settings: Settings, redis: Any) -> dict[int, Any]:
    shards = (redis.hgetall(Keys(settings.redis_prefix, shard).pulse) for shard in range(settings.redis_shards))
    return {int(number): orjson.loads(pulse) for shard in shards for number, pulse in shard.items()}


def _wrong(settings: Settings, redis: Any, expected: Expected) -> str:
    """What differs between the records in Redis and the feed; empty when nothing does."""
    engagements, actions = {}, {}
    for shard in range(settings.redis_shards):
        for user, record in redis.hscan_iter(Keys(settings.redis_prefix, shard).users, count=2000):
            read = orjson.loads(record)
            engagements[user.decode()], actions[user.decode()] = read["engagements"], read["actions"]
    return difference("engagements", expected.with_persons(expected.engagements()), engagements) or difference(
        "actions", expected.with_persons(expected.actions), actions
    )
