"""`clout bench alerts`: under a steady feed, how long it takes from an event that takes back to the webhook that tells of it.

Probes are users of a network of their own: three like somebody, two seconds later they take it back, and an urgent rule says
that somebody has fallen below a line. The clock is ours at both ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Any

import orjson
from aiohttp import web

from agents.feeds.feeder import Feeder
from agents.proof.bench.clout import READY, WORKER, WrongResult
from agents.proof.bench.latency import QUANTILES, TICK_S
from agents.proof.bench.machine import cpu_s, machine, require_linux, versions
from agents.proof.bench.preload import SHAPE, Progress
from agents.proof.bench.servers import Ready, names, process, servers
from agents.proof.bench.show import Show
from streams.broker.publisher import plain_producer
from streams.model.channels import Channel, Route
from streams.model.rules import Rule, When, Who
from streams.policies.records import encode
from streams.settings import Settings
from streams.sources.record import Produced
from streams.sources.synthetic import Synthetic
from streams.topics import POLICIES

ALERTING = [sys.executable, "-m", "agents.cli.main", "alerting"]
GOAL_MS = 500.0  #: of the 99th percentile, at 5,000 events/s
WARM_UP_S = 3.0
PROBES_PER_S = 20
LIKES = 3
BACK_S = 2.0  # from the likes to the undos
SETTLE_S = 30.0
_PROBE, _RULE, _LINE = "probe", "probe", 2.0


def alerts(
    rate: int, seconds: float, users: int, show: Show, kafka: str | None = None, redis: str | None = None
) -> dict[str, Any]:
    """Feed `rate` events/s for `seconds` to one worker and one process that delivers. Latencies in ms."""
    require_linux()
    about = {"machine": machine(), "versions": versions()}
    with (
        servers(kafka, redis, show.say) as running,
        names(running, alerting_inside="127.0.0.0/8") as settings,
        show.bar(f"feeding {rate:,} events/s", int(rate * seconds)) as bar,
    ):
        return {"rate": rate, "seconds": seconds, **_measured(settings, rate, seconds, users, bar), **about}


def _measured(settings: Settings, rate: int, seconds: float, users: int, bar: Progress) -> dict[str, Any]:
    loop = asyncio.new_event_loop()
    run = _Run(settings, rate, seconds, users, bar)
    try:
        loop.run_until_complete(run.begin())
        with process(WORKER, settings, READY) as worker, process(ALERTING, settings, READY) as delivering:
            return loop.run_until_complete(run.measure(worker, delivering))
    finally:
        loop.run_until_complete(run.end())
        loop.close()


class _Run:
    def __init__(self, settings: Settings, rate: int, seconds: float, users: int, fed: Progress) -> None:
        self._settings, self._rate, self._seconds, self._users, self._fed = settings, rate, seconds, users, fed
        self._back: list[tuple[float, int]] = []  # when which probe is taken back
        self._began: dict[str, float] = {}  # probe -> when it was, ms
        self._came: dict[str, float] = {}
        self._sent = 0
        self._fed_all, self._done = False, asyncio.Event()

    async def begin(self) -> None:
        """A receiver; a rule and a channel before anybody reads policies."""
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        rule = Rule(name=_RULE, who=Who(network=_PROBE), when=When(below=_LINE), cooldown_s=0, urgent=True)
        channel = Channel(name="bench", url=url, route=Route(rules=(_RULE,)), most_a_minute=10_000)
        producer = plain_producer(self._settings)
        await producer.start()
        try:
            for policy in (rule, channel):
                key, value = encode(policy)
                await producer.send_and_wait(self._settings.topic(POLICIES.name), value, key, partition=0)
        finally:
            await producer.stop()

    async def end(self) -> None:
        await self._runner.cleanup()

    async def measure(self, worker: Ready, delivering: Ready) -> dict[str, Any]:
        feeder = Feeder(self._settings)
        await feeder.start()
        pids = {"worker": worker.process.pid, "alerting": delivering.process.pid}
        try:
            began_s, before = time.monotonic(), {name: cpu_s(pid) for name, pid in pids.items()}
            await self._feed(feeder, (worker, delivering))
            lasted_s = time.monotonic() - began_s
            cpu = {name: round((cpu_s(pid) - before[name]) / lasted_s, 3) for name, pid in pids.items()}
            self._fed_all = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S if self._late() else 0.0):
                    await self._done.wait()
        finally:
            await feeder.stop()
        if late := self._late():
            raise WrongResult(
                f"{len(late)} of {len(self._began)} probes raised no alert that came, for example {min(late)}"
            )
        times = sorted(self._came[user] - began for user, began in self._began.items())
        at = [times[min(int(q * len(times)), len(times) - 1)] for q in QUANTILES]
        p50, p99, p999 = (round(ms, 1) for ms in at)
        return {
            "events_per_s": round(self._sent / lasted_s),
            "probes": {"alerts": len(times), "p50_ms": p50, "p99_ms": p99, "p999_ms": p999},
            "goal_ms": GOAL_MS,
            "cpu_share": cpu,
        }

    async def _take(self, request: web.Request) -> web.Response:
        now_ms = time.time() * 1000
        event = orjson.loads(await request.read())
        if event["data"]["state"] == "raised":
            self._came.setdefault(event["subject"], now_ms)
            if self._fed_all and not self._late():
                self._done.set()
        return web.Response(status=204)

    def _late(self) -> set[str]:
        return self._began.keys() - self._came.keys()

    async def _feed(self, feeder: Feeder, processes: tuple[Ready, ...]) -> None:
        """Events at their time; what is behind is made up for at the next tick."""
        source = Synthetic(
            seed=1, users=self._users, rate=self._rate, shape=SHAPE, clock=lambda: int(time.time() * 1000)
        )
        began_s, probed = time.monotonic(), 0
        while (elapsed_s := time.monotonic() - began_s) < self._seconds:
            for one in processes:
                one.check()
            before = self._sent
            while probed < (min(elapsed_s, self._seconds - BACK_S - 1.0) - WARM_UP_S) * PROBES_PER_S:
                for event in self._likes(probed):
                    await feeder.send(event)
                self._back.append((elapsed_s + BACK_S, probed))
                probed += 1
            while self._back and self._back[0][0] <= elapsed_s:
                _, number = self._back.pop(0)
                self._began[f"{_PROBE}:t{number}"] = time.time() * 1000
                for event in self._likes(number, undo=True):
                    await feeder.send(event)
            while self._sent < int(elapsed_s * self._rate):
                await feeder.send(next(source))
                self._sent += 1
            self._fed(self._sent - before)
            await asyncio.sleep(TICK_S)
        await feeder.flush()

    def _likes(self, number: int, *, undo: bool = False) -> list[Produced]:
        ts, found = int(time.time() * 1000), []
        for actor in range(LIKES):
            id_ = f"p{number}-{actor}"
            event = {
                "id": id_,
                "network": _PROBE,
                "actor": f"a{number}-{actor}",
                "target": f"t{number}",
                "type": "like",
            }
            if undo:
                del event["target"]
                event |= {"id": f"{id_}-back", "undo": True, "ref": id_}  # type: ignore[dict-item]
            found.append(Produced("likes", f"{_PROBE}:{event['actor']}".encode(), orjson.dumps(event | {"ts": ts}), ts))
        return found
