"""What a worker's partitions notice of their surroundings: open transactions, a Redis that refuses, a clock that is wrong."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping

from agents.surroundings.finding import NOTE, WRONG, Finding
from agents.surroundings.redis import off
from streams.events import MAX_AHEAD_MS
from streams.partition.figures import Figures

HELD_S = 10.0  # a transaction that is open for longer is said
REFUSED_S = 2.0  # a Redis that takes nothing for longer is said
OVER_S = 60.0  # rejects are judged over the last minute
FUTURE = "ts_in_future"
_SHARE, _LEAST = 0.1, 20  # of the events, and so many, lie in the future: then it is the clock


class Inside:
    """Remembers the last minute of counts."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, Counter[str]]] = deque()

    def look(self, figures: Mapping[int, Figures], now_ms: float) -> list[Finding]:
        """What the figures of all partitions held say now."""
        return [*_held(figures, now_ms), *_refused(figures), *self._clock(figures, now_ms), *_broker(figures)]

    def _clock(self, figures: Mapping[int, Figures], now_ms: float) -> Iterator[Finding]:
        now: Counter[str] = Counter()
        for one in figures.values():
            now.update({"future": one.reasons.get(FUTURE, 0), "all": one.counts["folded"] + one.counts["rejected"]})
        if self._past and now["all"] < self._past[-1][1]["all"]:
            self._past.clear()  # partitions have left
        while self._past and now_ms - self._past[0][0] > OVER_S * 1000:
            self._past.popleft()
        before = self._past[0][1] if self._past else now
        self._past.append((now_ms, now))
        future, events = now["future"] - before["future"], now["all"] - before["all"]
        if future >= _LEAST and future >= _SHARE * events:
            yield Finding(
                "clock",
                WRONG,
                f"{future:,} of the last {events:,} events lie more than {MAX_AHEAD_MS // 60_000} minutes ahead of this machine's "
                "clock and were rejected (ts_in_future): is this clock behind, or a producer's ahead? Set it (NTP), then "
                "`clout rejects replay --reason ts_in_future` brings them back",
                blocks=True,
            )


def _held(figures: Mapping[int, Figures], now_ms: float) -> Iterator[Finding]:
    for number, one in sorted(figures.items()):
        for topic, held in sorted(one.undecided.items()):
            since_s = (now_ms - held.since_ms) / 1000
            if since_s >= HELD_S:
                yield Finding(
                    "input",
                    NOTE,
                    f"{topic}[{number}]: for {since_s:.0f} s a transaction has been open, and at most {held.offsets:,} records "
                    "behind it wait. Its producer has neither committed nor aborted; Kafka aborts it after the producer's "
                    "transaction.timeout.ms. `kafka-transactions.sh find-hanging` names it",
                )


def _refused(figures: Mapping[int, Figures]) -> Iterator[Finding]:
    refused = [one.redis_refuses for one in figures.values() if one.redis_refuses]
    if refused:
        longest = min(refused, key=lambda one: one.since_s)
        if time.monotonic() - longest.since_s >= REFUSED_S:
            yield Finding("redis", WRONG, f"it {longest.why}", blocks=True)


def _broker(figures: Mapping[int, Figures]) -> Iterator[Finding]:
    ahead_s = max((one.broker_ahead_ms / 1000 for one in figures.values()), key=abs, default=0.0)
    if (finding := off("Kafka's broker", ahead_s)).status == WRONG:
        yield finding
