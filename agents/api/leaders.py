"""What the page and the terminal show: the top, how it moves, how fast events come in. Looked up again and again."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.scoreboard.called import called
from streams.scoreboard.latency import quantiles
from streams.scoreboard.reader import Reader
from streams.scoreboard.standings import trouble
from streams.settings import Settings

Record = dict[str, Any]

RATE_OVER_S = 10.0  # events/s and latency are those of the last seconds
CHANGE_OVER_S = 60.0  # a score's change is that of the last minute
KEEP_EVERY_S = 1.0
ALERTS = 5  # the latest, of all users
DELIVERIES = 5  # the latest, of all channels
#: a partition says something at least each idle pass; after so many of them without a word it is not fresh
PASSES_MISSED = 3
LEAST_FRESH_S = 10.0


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier look saw."""

    at_s: float
    events: int
    latency: Counter[str]
    scores: dict[str, float]


class Heard(NamedTuple):
    """What was heard of a partition."""

    version: int
    since_s: float  #: when it first had that version, as far as somebody looked
    looked_s: float


class Leaders:
    """Looks at the scoreboard, and remembers the last minute to say what moved. Clocks are passed in."""

    def __init__(
        self, reader: Reader, settings: Settings, *, wall_ms: Callable[[], float], monotonic_s: Callable[[], float]
    ) -> None:
        self.reader = reader
        self._settings, self._wall_ms, self._monotonic_s = settings, wall_ms, monotonic_s
        self._past: deque[Past] = deque()
        self._heard: dict[int, Heard] = {}  # by partition
        self._fresh_s = max(LEAST_FRESH_S, PASSES_MISSED * settings.idle_s)

    def wall_ms(self) -> float:
        """Now by the wall clock, by which processes say when they last did something."""
        return self._wall_ms()

    def now_ms(self, pulses: Mapping[int, Record]) -> int:
        """Now: the wall clock, or with the stream clock the newest event time any partition has seen."""
        if self._settings.clock == "stream":
            newest = max((int(pulse["event_ts"]) for pulse in pulses.values()), default=0)
            if newest:
                return newest
        return int(self._wall_ms())

    def fresh(self, pulses: Mapping[int, Record]) -> int:
        """How many partitions have shown life lately."""
        return len(self.alive(pulses))

    def alive(self, pulses: Mapping[int, Record]) -> set[int]:
        """Those that have: their pulse moved while we looked, or is young by the wall clock."""
        now_s, now_ms = self._monotonic_s(), self._wall_ms()
        alive = set()
        for partition, pulse in pulses.items():
            before = self._heard.get(partition)
            since_s = before.since_s if before else float("-inf")
            if before is None or pulse["version"] != before.version:
                young = self._settings.clock == "wall" and now_ms - pulse.get("as_of", 0) < self._fresh_s * 1000
                # a pulse met for the first time, or after a long time without a look, may be an old one
                moved = before is not None and now_s - before.looked_s < self._fresh_s
                since_s = now_s if moved or young else float("-inf")
            self._heard[partition] = Heard(pulse["version"], since_s, now_s)
            if now_s - since_s < self._fresh_s:
                alive.add(partition)
        return alive

    async def look(self, n: int) -> Record:
        """The `board` event: `now`, `top` (n entries), `stats`, `alerts` (newest first), `alert` (the newest), `deliveries`.

        Raises redis.exceptions.RedisError.
        """
        pulses, population, alerts, deliveries = await asyncio.gather(
            self.reader.pulses(), self.reader.population(), self.reader.alerts(ALERTS), self._deliveries()
        )
        now_ms = self.now_ms(pulses)
        top = await self.reader.top(n, now_ms)
        counts = totals(pulses)
        latency = _latency(pulses)
        seen = Past(
            self._monotonic_s(), sum(counts.values()), latency, {record["user"]: record["score"] for record in top}
        )
        oldest = self._remember(seen)
        return {
            "now": now_ms,
            "clock": self._settings.clock,
            "top": [self._entry(rank, record) for rank, record in enumerate(top, 1)],
            "stats": {
                **counts,
                "events": seen.events,
                "events_per_s": _rate(oldest, seen),
                "population": population,
                **self._quantiles(latency - oldest.latency if oldest else latency),
                "partitions": {"fresh": self.fresh(pulses), "of": self._settings.partitions},
                "model": next((pulse["model"] for pulse in pulses.values() if "model" in pulse), None),
            },
            "alert": alerts[0] if alerts else None,
            "alerts": alerts,
            "deliveries": deliveries,
        }

    async def _deliveries(self) -> Record:
        """How many channels there are, those in trouble (`channel`, `why`), and the latest outcomes, newest first."""
        channels, latest = await asyncio.gather(
            self.reader.standings.channels(), self.reader.standings.latest(DELIVERIES)
        )
        now_ms = self._wall_ms()
        why = {name: trouble(standing, now_ms) for name, standing in channels.items()}
        bad = [{"channel": name, "why": said} for name, said in why.items() if said]
        return {"channels": len(channels), "trouble": bad, "latest": latest}

    def _remember(self, seen: Past) -> Past | None:
        """Keep what was seen; returns the look that rates are taken against."""
        past = self._past
        if past and seen.events < past[-1].events:
            past.clear()  # other workers, which count from 0
        while past and seen.at_s - past[0].at_s > CHANGE_OVER_S:
            past.popleft()
        oldest = next((one for one in past if seen.at_s - one.at_s <= RATE_OVER_S), None)
        if not past or seen.at_s - past[-1].at_s >= KEEP_EVERY_S:
            past.append(seen)
        return oldest

    def _entry(self, rank: int, record: Record) -> Record:
        user = record["user"]
        before = next((past.scores[user] for past in self._past if user in past.scores), None)
        return {
            "rank": rank,
            "user": user,
            **called(record),
            "score": record["score"],
            "change": None if before is None else record["score"] - before,
            "day": record["delta"]["day"],
            "engagements": record["engagements"],
            "actors": record["actors"],
            "confidence": record["confidence"],
            "provisional": record["provisional"],
        }

    def _quantiles(self, latency: Mapping[str, int]) -> Record:
        # with the stream clock events are as old as their history
        parts = [] if self._settings.clock == "stream" else [latency]
        p50, p99 = quantiles(parts, (0.5, 0.99))
        return {"latency_p50_ms": p50, "latency_p99_ms": p99}


def totals(pulses: Mapping[int, Record]) -> dict[str, int]:
    """`folded`, `rejected` and `repeats` over all partitions; together every event there was."""
    each = [pulse.get("counts", {}) for pulse in pulses.values()]
    return {name: sum(counts.get(name, 0) for counts in each) for name in ("folded", "rejected", "repeats")}


def _latency(pulses: Mapping[int, Record]) -> Counter[str]:
    total: Counter[str] = Counter()
    for pulse in pulses.values():
        total.update(pulse.get("latency", {}))
    return total


def _rate(before: Past | None, now: Past) -> float:
    elapsed_s = now.at_s - before.at_s if before else 0.0
    return (now.events - before.events) / elapsed_s if before and elapsed_s > 0 else 0.0
