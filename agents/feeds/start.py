"""Running a live source as a process: the runner, what it shows, metrics; until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from random import Random

from agents.feeds.runner import Runner
from streams.clocks import Clocks
from streams.settings import Settings
from streams.sources.live import LiveSource


def now_ms() -> float:
    """Milliseconds since epoch."""
    return time.time() * 1000


async def run(
    settings: Settings,
    source: LiveSource,
    begun: Callable[[Runner], None],
    told: Callable[[int], None],
    host: str,
    port: int | None,
    limit: int | None,
) -> None:
    """Until SIGTERM or Ctrl-C. `begun` gets the runner, `told` the real port, if one is opened. Raises as `Runner.run`."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = Runner(settings, source, Clocks(now_ms, time.monotonic, time.thread_time), Random(), limit)
    async with contextlib.AsyncExitStack() as undo:
        begun(runner)
        await runner.run(stop)
