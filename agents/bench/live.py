"""`clout bench live`: Clout and plain Faust drain the same kind of backlog, one after the other, on the same servers."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AbstractContextManager
from typing import Any, Protocol

import orjson

from agents.bench import clout, feed
from agents.bench.clout import POLL_S, STALLED_S, Beside, Drain, WrongResult
from agents.bench.expected import Expected, difference
from agents.bench.machine import cpu_s, machine, peak_rss_mb, require_linux, versions
from agents.bench.servers import Servers, names, process, servers
from streams.scoreboard.connect import connect_sync
from streams.settings import Settings

PLAIN = [sys.executable, "-m", "agents.bench.plain_faust"]
PLAIN_READY = b"took partitions"


class Show(Protocol):
    """Where a benchmark says what it is doing."""

    def say(self, line: str) -> None:
        """One line."""

    def bar(self, what: str, total: int) -> AbstractContextManager[feed.Progress]:
        """A progress bar; call what it gives with how many more."""


def live(
    events: int, users: int, faust_events: int, show: Show, kafka: str | None = None, redis: str | None = None
) -> dict[str, Any]:
    """Run both and compare. `faust_events` 0 leaves plain Faust out. Raises WrongResult when either one's counts are wrong."""
    require_linux()
    result: dict[str, Any] = {"systems": {}, "ratio": None, "machine": machine(), "versions": versions()}
    systems = result["systems"]
    with servers(kafka, redis, show.say) as running:
        with names(running) as settings:
            expected = _fill(settings, events, users, show)
            with show.bar("clout drains", events) as bar:
                systems["clout"] = clout.drain(settings, running, expected, bar)
        if faust_events:
            with names(running) as settings:
                expected = _fill(settings, faust_events, users, show)
                with show.bar("plain Faust drains", sum(expected.given.values())) as bar:
                    systems["faust"] = drain_plain(settings, running, expected, bar)
            result["ratio"] = {
                "events_per_s": round(systems["clout"]["events_per_s"] / systems["faust"]["events_per_s"], 1),
                "cpu": round(systems["faust"]["cpu_us_per_event"] / systems["clout"]["cpu_us_per_event"], 1),
            }
    return result


def _fill(settings: Settings, events: int, users: int, show: Show) -> Expected:
    with show.bar(f"feeding {events:,} events", events) as bar:
        return asyncio.run(feed.preload(settings, feed.synthetic(events, users), bar))


def drain_plain(settings: Settings, servers: Servers, expected: Expected, handled: feed.Progress) -> dict[str, Any]:
    """Run plain Faust on the filled topics until every engagement is in Redis. Raises WrongResult."""
    wanted, done = sum(expected.given.values()), 0
    with connect_sync(settings) as redis, process(PLAIN, settings, PLAIN_READY) as worker:
        beside, cpu_before_s = Beside(servers, redis), cpu_s(worker.process.pid)
        moved_s = time.monotonic()
        at: dict[bytes, bytes] = {}
        while done < wanted:
            time.sleep(POLL_S)
            worker.check()
            at = redis.hgetall(f"{settings.redis_prefix}:done")  # type: ignore[assignment]
            now = int(at.get(b"handled", 0))
            if now > done:
                handled(now - done)
                done, moved_s = now, time.monotonic()
            if time.monotonic() - moved_s > STALLED_S:
                raise WrongResult(
                    f"plain Faust stands still at {done:,} of {wanted:,} engagements for {STALLED_S:.0f} s"
                )
        # its flush comes once a second: to be fair the clock stops at the last engagement folded, not at the flush
        result = Drain(
            expected.events,
            float(at[b"last_s"]) - worker.at_s,
            cpu_s(worker.process.pid) - cpu_before_s,
            peak_rss_mb(worker.process.pid),
            beside.used_s(),
        ).report()
        records = redis.hgetall(f"{settings.redis_prefix}:users")
    found = {user.decode(): orjson.loads(record)["engagements"] for user, record in records.items()}  # type: ignore[union-attr]
    wrong = difference("engagements (plain Faust)", expected.given, found)
    if wrong:
        raise WrongResult(wrong)
    result["users"] = len(found)
    return result
