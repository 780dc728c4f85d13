"""`clout bench latency`: a steady live feed, and how long each event takes from its own time to Redis.

Event times are whole milliseconds, rounded down, so a figure is up to 1 ms too high; the worker's histogram has steps of 2 ms
and says the upper edge.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import Any

import orjson

from agents.feeds.feeder import Feeder
from agents.proof.bench.clout import READY, WORKER, WrongResult
from agents.proof.bench.machine import cpu_s, machine, require_linux, versions
from agents.proof.bench.preload import SHAPE, Progress
from agents.proof.bench.servers import Ready, Servers, names, process, redis_cpu_s, servers
from agents.proof.bench.show import Show
from streams.scoreboard.connect import connect, connect_sync
from streams.scoreboard.latency import quantiles
from streams.scoreboard.reader import Reader
from streams.settings import Settings
from streams.sources.record import Produced
from streams.sources.synthetic import Synthetic

WARM_UP_S = 5.0
TICK_S = 0.01  # bursts as of a producer that collects for so long; events are stamped one by one
MOST_PROBES_PER_S = 50
QUANTILES = (0.5, 0.99, 0.999)
_PROBE = "probe"  # network of the probes' users
_SETTLE_S = 12.0  # idle partitions say how far they are every 5 s

_UNTIMED = ("self_engagements", "undone", "undo_unknown")  # folded, but in no histogram

Histogram = dict[str, int]


def latency(
    rate: int,
    seconds: float,
    users: int,
    show: Show,
    kafka: str | None = None,
    redis: str | None = None,
    *,
    transactions: bool = False,
    interval_ms: int = 0,
) -> dict[str, Any]:
    """Feed `rate` events/s for `seconds` to one worker. `worker` holds quantiles of its own histogram, `probes` ours; in ms.

    `interval_ms` as in the settings; the result says what it came to.
    """
    require_linux()
    about = {"machine": machine(), "versions": versions()}
    chosen = {"transactions": transactions, "interval_ms": interval_ms}
    with servers(kafka, redis, show.say) as running, names(running, **chosen) as settings:
        what = f"feeding {rate:,} events/s"
        with process(WORKER, settings, READY) as worker, show.bar(what, int(rate * seconds)) as bar:
            run = _Run(settings, running, worker, rate, seconds, users, bar)
            return {
                "rate": rate,
                "seconds": seconds,
                "transactions": transactions,
                "interval_ms": round(settings.interval_s * 1000),
                **asyncio.run(run.measure()),
                **about,
            }


class _Run:
    def __init__(
        self, settings: Settings, servers: Servers, worker: Ready, rate: int, seconds: float, users: int, fed: Progress
    ) -> None:
        self._settings, self._servers, self._worker = settings, servers, worker
        self._rate, self._seconds, self._users, self._fed = rate, seconds, users, fed
        self._probes: dict[str, int] = {}  # user -> ts of the one event about them
        self._arrived: dict[str, int] = {}  # user -> ms, Redis' clock
        self._sent = 0
        self._warm_up_s = min(WARM_UP_S, seconds / 2)

    async def measure(self) -> dict[str, Any]:
        client = connect(self._settings)
        self._reader = Reader(
            client, self._settings.redis_prefix, self._settings.redis_shards, self._settings.partitions
        )
        self._redis = connect_sync(self._settings)
        feeder = Feeder(self._settings)
        await feeder.start()
        watching = asyncio.create_task(self._watch(await self._reader.updates_end()))
        try:
            ahead_ms = self._clock_ahead_ms()
            feeding = asyncio.create_task(self._feed(feeder))
            await asyncio.sleep(self._warm_up_s)
            warm, began_s, cpu_before, sent_before = await self._histogram(), time.monotonic(), self._cpu(), self._sent
            await feeding
            lasted_s = time.monotonic() - began_s
            cpu = {
                name: None if used is None else (used - (cpu_before[name] or 0.0)) / lasted_s
                for name, used in self._cpu().items()
            }
            sent_in_time = self._sent - sent_before
            final = await self._settled()
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            await feeder.stop()
            await self._reader.close()
            self._redis.close()
        late = self._probes.keys() - self._arrived.keys()
        if late:
            raise WrongResult(
                f"{len(late)} of {len(self._probes)} probes never came to the stream `updates`, for example {min(late)}"
            )
        return {
            "events_per_s": round(sent_in_time / lasted_s),
            "worker": _told(_less(final, warm)),
            "probes": self._probed(ahead_ms),
            "cpu_share": {name: None if share is None else round(share, 3) for name, share in cpu.items()},
            "worker_cpu_us_per_event": round((cpu["worker"] or 0.0) * lasted_s / sent_in_time * 1e6, 1),
        }

    async def _feed(self, feeder: Feeder) -> None:
        """Events at their time, stamped as they are handed to the producer; what is behind is made up for at the next tick."""
        rate = self._rate
        source = Synthetic(seed=1, users=self._users, rate=rate, shape=SHAPE, clock=lambda: int(time.time() * 1000))
        probes_per_s = min(MOST_PROBES_PER_S, max(rate / 20, 1))
        began_s, probed = time.monotonic(), 0
        while (elapsed_s := time.monotonic() - began_s) < self._seconds:
            self._worker.check()
            due = int(elapsed_s * rate)
            before = self._sent
            while self._sent < due:
                if probed < (elapsed_s - self._warm_up_s) * probes_per_s:
                    await feeder.send(self._probe(probed))
                    probed += 1
                else:
                    await feeder.send(next(source))
                self._sent += 1
            self._fed(self._sent - before)
            await asyncio.sleep(TICK_S)
        await feeder.flush()

    def _probe(self, number: int) -> Produced:
        user, ts = f"t{number}", int(time.time() * 1000)
        event = {"id": f"p{number}", "network": _PROBE, "actor": f"a{number}", "target": user, "ts": ts, "type": "like"}
        self._probes[f"{_PROBE}:{user}"] = ts
        return Produced("likes", f"{_PROBE}:a{number}".encode(), orjson.dumps(event), ts)

    async def _watch(self, cursor: str) -> None:
        """Notes for each probe when Redis took the write that first showed its target."""
        wanted = f'["{_PROBE}:t'.encode()
        while True:
            for entry in await self._reader.updates(cursor, block_ms=500, count=1000):
                cursor = entry.cursor
                if wanted in entry.payload:
                    for user, *_ in orjson.loads(entry.payload)["users"]:
                        if user in self._probes:
                            self._arrived.setdefault(user, entry.at_ms)

    def _probed(self, ahead_ms: float) -> dict[str, Any]:
        times = sorted(self._arrived[user] - ahead_ms - ts for user, ts in self._probes.items())
        if not times:
            return {"events": 0, "p50_ms": None, "p99_ms": None, "p999_ms": None}
        at = [times[min(int(q * len(times)), len(times) - 1)] for q in QUANTILES]
        return {"events": len(times), **{f"{name}_ms": round(ms, 1) for name, ms in zip(_NAMES, at, strict=True)}}

    def _cpu(self) -> dict[str, float | None]:
        broker = self._servers.kafka_pid
        return {
            "worker": cpu_s(self._worker.process.pid),
            "kafka": cpu_s(broker) if broker else None,
            "redis": redis_cpu_s(self._redis),
            "feeder": time.process_time(),
        }

    def _clock_ahead_ms(self) -> float:
        """How far Redis' clock is ahead of ours: the best of five looks; 0 on one machine."""
        looks = []
        for _ in range(5):
            before = time.time()
            seconds, micros = self._redis.time()  # type: ignore[misc]
            after = time.time()
            looks.append((after - before, (seconds + micros / 1e6 - (before + after) / 2) * 1000))
        took_s, ahead_ms = min(looks)
        return ahead_ms if abs(ahead_ms) > took_s * 1000 else 0.0

    async def _histogram(self) -> Histogram:
        total: Histogram = {}
        for pulse in (await self._reader.pulses()).values():
            for number, count in pulse["latency"].items():
                total[number] = total.get(number, 0) + count
        return total

    async def _settled(self) -> Histogram:
        """The histogram once it holds all that was fed: every count is followed by the next pulse."""
        until_s = time.monotonic() + _SETTLE_S
        while True:
            pulses = list((await self._reader.pulses()).values())
            counts: Counter[str] = sum((Counter(pulse["counts"]) for pulse in pulses), Counter())
            final = await self._histogram()
            counted = sum(counts[name] for name in ("folded", "repeats", "rejected"))
            shown = sum(final.values()) + sum(counts[name] for name in _UNTIMED)
            if counted == self._sent and shown == counts["folded"]:
                return final
            if time.monotonic() > until_s:
                raise WrongResult(
                    f"{_SETTLE_S:.0f} s after the end of the feed: {self._sent:,} events fed, {counted:,} counted, "
                    f"{counts['folded']:,} folded, {shown:,} of these shown"
                )
            await asyncio.sleep(0.2)


_NAMES = ("p50", "p99", "p999")


def _less(final: Histogram, warm: Histogram) -> Histogram:
    return {number: more for number, count in final.items() if (more := count - warm.get(number, 0))}


def _told(histogram: Histogram) -> dict[str, Any]:
    values = quantiles([histogram], QUANTILES)
    return {"events": sum(histogram.values()), **{f"{name}_ms": ms for name, ms in zip(_NAMES, values, strict=True)}}
