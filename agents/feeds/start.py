"""Running a live source as a process: the runner, how it stands, metrics; until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from agents.feeds.metrics import Metrics
from agents.feeds.naming import Naming
from agents.feeds.runner import Runner
from agents.feeds.shown import Shown
from agents.surroundings.serve import serving
from streams.clocks import Clocks
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from streams.sources.live import LiveSource

_UNREADY = "there is no connection to the source: %s"


class Served(NamedTuple):
    """Where health checks and metrics are to be had. `told` gets the real port."""

    host: str
    port: int | None
    told: Callable[[int], None]


def now_ms() -> float:
    """Milliseconds since epoch."""
    return time.time() * 1000


async def run(
    settings: Settings, source: LiveSource, begun: Callable[[Runner], None], served: Served, limit: int | None
) -> None:
    """Until SIGTERM or Ctrl-C. `begun` gets the runner. Raises as `Runner.run`, and UsageError for a port that is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = Runner(settings, source, Clocks(now_ms, time.monotonic, time.thread_time), Random(), limit)
    figures = runner.figures
    async with contextlib.AsyncExitStack() as undo:
        if served.port is not None:
            unready = lambda: "" if figures.state == "reading" else _UNREADY % (figures.last or "not yet")  # noqa: E731
            metrics = Metrics(figures, now_ms)
            served.told(await undo.enter_async_context(serving(served.host, served.port, metrics, unready)))
        client = connect(settings)
        undo.push_async_callback(client.aclose)
        shown = Shown(client, Keys(settings.redis_prefix, 0), figures, now_ms)
        undo.push_async_callback(shown.last)
        for beside in (shown, Naming(settings, client)):
            undo.callback(asyncio.create_task(beside.run()).cancel)
        begun(runner)
        await runner.run(stop)
