"""How long an event loop does not turn, and which function it is in meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

TICK_S = 0.001
COLLECTOR = "garbage collector"  #: whatever function it strikes in, where it is counted, too


class Gaps:
    """A ticker that wants a turn each millisecond, and clocks around functions, which are read at each of its turns.

    On a machine that others use, too, the wall clock shows their time as well; the CPU time of our thread does not.
    """

    def __init__(self) -> None:
        self._wall_s: list[float] = []
        self._cpu_s: list[float] = []
        self._now: dict[str, float] = {}  # CPU seconds by phase since the last turn
        self._longest_s: dict[str, float] = {}
        self._collecting_s = 0.0

    async def tick(self) -> None:
        """For ever; cancel it."""
        gc.callbacks.append(self._collecting)
        try:
            await self._tick()
        finally:
            gc.callbacks.remove(self._collecting)

    def _collecting(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_s = time.thread_time()
        else:
            used_s = time.thread_time() - self._collecting_s
            self._now[COLLECTOR] = self._now.get(COLLECTOR, 0.0) + used_s

    async def _tick(self) -> None:
        while True:
            self._now.clear()
            wall_s, cpu_s = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK_S)
            self._wall_s.append(max(time.perf_counter() - wall_s - TICK_S, 0.0))
            self._cpu_s.append(time.thread_time() - cpu_s)
            for phase, used_s in self._now.items():
                self._longest_s[phase] = max(self._longest_s.get(phase, 0.0), used_s)

    @contextlib.contextmanager
    def watch(self, phase: str, owner: Any, name: str) -> Iterator[None]:
        """Clock a function, each step of it if it is a generator, as long as this is open."""
        real = getattr(owner, name)
        setattr(
            owner, name, self._stepped(phase, real) if inspect.isgeneratorfunction(real) else self._clocked(phase, real)
        )
        try:
            yield
        finally:
            setattr(owner, name, real)

    def _clocked(self, phase: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def clocked(*args: Any, **options: Any) -> Any:
            began_s = time.thread_time()
            try:
                return real(*args, **options)
            finally:
                self._now[phase] = self._now.get(phase, 0.0) + time.thread_time() - began_s

        return clocked

    def _stepped(self, phase: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def stepped(*args: Any, **options: Any) -> Iterator[Any]:
            step = self._clocked(phase, functools.partial(next, real(*args, **options), self))
            while (value := step()) is not self:
                yield value

        return stepped

    def report(self) -> dict[str, Any]:
        """In ms: longest gap and 99th percentile of all, by wall clock and CPU; the most that each phase took of one gap (CPU)."""
        wall, cpu = np.asarray(self._wall_s) * 1000, np.asarray(self._cpu_s) * 1000
        return {
            "turns": len(wall),
            "longest_ms": round(float(wall.max()), 1),
            "p99_ms": round(float(np.quantile(wall, 0.99)), 1),
            "longest_cpu_ms": round(float(cpu.max()), 1),
            "p99_cpu_ms": round(float(np.quantile(cpu, 0.99)), 1),
            "phases": {
                phase: round(s * 1000, 1) for phase, s in sorted(self._longest_s.items(), key=lambda at: -at[1])
            },
        }
