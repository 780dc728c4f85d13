"""`clout bench takeover`: for how long partitions stand still when a worker is killed, restarted, ended, or joins.

A Kafka and a Redis of its own, users whose rows are in `state`, two workers, a steady feed. `seconds` is the longest time in
which nothing of a partition was committed while events came; `shown_seconds` the same for its pulse in Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.local.embedded import own_folder
from agents.proof.bench.machine import machine, require_linux, versions
from agents.proof.bench.recovery import fill
from agents.proof.bench.servers import names, servers
from agents.proof.bench.show import Show
from agents.proof.bench.standstill import Watch
from agents.proof.chaos.crew import Worker
from agents.proof.chaos.steady_feed import Feeding
from streams.errors import CloutError
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.settings import Settings

SESSION_S = 6  # Kafka's lower bound
GOALS_S = {
    "kill -9": SESSION_S + 3.0,  # session timeout and recovery
    "kill -9 and restart, named": 3.0,
    "SIGTERM": 3.0,
    "join": 1.0,  # of the partitions that stay
}
_PATIENCE_S = 180.0
_AFTER_S = 3.0  # watched once everything goes on
_FED_USERS = 2_000


def takeover(users: int, rate: float, show: Show, kafka: str | None = None, redis: str | None = None) -> dict[str, Any]:
    """Every case in turn, on one application of so many users, fed `rate` events/s. Raises CloutError if a case does not end."""
    require_linux()
    about = {"machine": machine(), "versions": versions()}
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(servers(kafka, redis, show.say))
        settings = stack.enter_context(names(running, session_timeout_s=SESSION_S, idle_s=1.0))
        folder = stack.enter_context(own_folder())
        with show.bar(f"writing {users:,} users", users) as bar:
            asyncio.run(fill(settings, users, 1, bar))
        scene = _Scene(settings, folder, users, show)
        stack.callback(scene.close)
        feeding = Feeding(settings, 1, rate, _FED_USERS)
        feeding.start()
        stack.callback(feeding.stop)
        stack.enter_context(scene.watch.watching())
        return {"users": users, "rate": rate, "session_timeout_s": SESSION_S, **scene.run(), **about}


class _Scene:
    """Workers that come and go, and what is seen of their partitions."""

    def __init__(self, settings: Settings, folder: Path, users: int, show: Show) -> None:
        self._settings, self._folder, self._users, self._show = settings, folder, users, show
        self.watch = Watch(settings)
        self._workers: list[Worker] = []

    def run(self) -> dict[str, Any]:
        """All cases; `steady_s` is the longest time that partitions stand still when nothing happens."""
        first, second, third = (self._worker(number) for number in (1, 2, 3))
        self._up(first, second)
        began_s = time.monotonic()
        time.sleep(_AFTER_S)
        steady_s = max(committed for committed, _ in self.watch.gaps(began_s).values())
        cases = {
            "join": self._case("join", third.start, 3, stay=True),
            "SIGTERM": self._case("SIGTERM", lambda: third.signal(signal.SIGTERM), 2),
            "kill -9": self._case("kill -9", lambda: second.signal(signal.SIGKILL), 1),
        }
        self.close()
        named = [self._worker(number, name=f"worker-{number}") for number in (4, 5)]
        self._up(*named)

        def restart() -> None:
            named[0].signal(signal.SIGKILL)
            named[0].reap()
            named[0].start()

        case = "kill -9 and restart, named"
        cases[case] = self._case(case, restart, 2)
        return {"steady_s": round(steady_s, 2), "cases": cases}

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.close()

    def _worker(self, number: int, **overrides: Any) -> Worker:
        worker = Worker(number, replace(self._settings, **overrides), self._folder)
        self._workers.append(worker)
        return worker

    def _up(self, *workers: Worker) -> None:
        """These hold all partitions, and Redis shows everyone."""
        self._show.say(f"{len(workers)} workers start")
        began_s = time.monotonic()
        for worker in workers:
            worker.start()
        self._until("workers start", lambda: self._held_by(len(workers), began_s) and self._shown() >= self._users)

    def _case(self, name: str, act: Callable[[], None], owners: int, *, stay: bool = False) -> dict[str, Any]:
        """Do it, wait until so many workers serve all partitions again, and tell for how long they stood still.

        `stay`: what counts is the partitions that stay where they are, else those that moved to another process.
        """
        self._show.say(name)
        before, began_s = self.watch.owners(), time.monotonic()
        act()
        self._until(name, lambda: self._held_by(owners, began_s) and self.watch.owners() != before)
        again_s = time.monotonic()
        time.sleep(_AFTER_S)
        self._until(name, lambda: self._held_by(owners, again_s))
        gaps, after = self.watch.gaps(began_s), self.watch.owners()
        groups: dict[bool, list[int]] = {True: [], False: []}
        for number in gaps:
            groups[before[number] == after[number]].append(number)
        counts, others = groups[stay], groups[not stay]
        return {
            "seconds": _most(gaps, counts, 0),
            "shown_seconds": _most(gaps, counts, 1),
            "others_seconds": _most(gaps, others, 0),
            "goal_s": GOALS_S[name],
            "counted": "those that stay" if stay else "those that moved",
            "partitions": {
                str(number): {
                    "seconds": round(gap[0], 2),
                    "shown_seconds": round(gap[1], 2),
                    "moved": number in groups[False],
                }
                for number, gap in gaps.items()
            },
        }

    def _held_by(self, count: int, since_s: float) -> bool:
        return self.watch.alive_since(since_s) and len(set(self.watch.owners().values())) == count

    def _until(self, what: str, over: Callable[[], bool]) -> None:
        until_s = time.monotonic() + _PATIENCE_S
        while not over():
            self.watch.check()
            if time.monotonic() > until_s:
                words = "; ".join(f"{worker}: {worker.last_words()}" for worker in self._workers)
                raise CloutError(
                    f"{what}: not all partitions were served within {_PATIENCE_S:.0f} s. Last words of {words}"
                )
            time.sleep(0.1)

    def _shown(self) -> int:
        async def ask() -> int:
            s = self._settings
            reader = Reader(connect(s), s.redis_prefix, s.redis_shards, s.partitions)
            try:
                return await reader.population()
            finally:
                await reader.close()

        return asyncio.run(ask())


def _most(gaps: dict[int, tuple[float, float]], numbers: list[int], which: int) -> float | None:
    return round(max(gaps[number][which] for number in numbers), 2) if numbers else None
