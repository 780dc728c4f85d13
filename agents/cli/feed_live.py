"""`clout feed` of a live source: until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NamedTuple

from agents.cli.feed_files import topics_are_there
from agents.cli.output import counted, json_line, safe, say
from agents.cli.worker import address
from agents.feeds import registry
from agents.feeds.runner import Runner
from streams.settings import Settings
from streams.topics import CURSORS, EVENTS, NAMES, POLICIES


class Asked(NamedTuple):
    """What was asked for."""

    source: str
    endpoints: tuple[str, ...]
    limit: int | None
    host: str
    port: int | None
    json: bool


def run(settings: Settings, asked: Asked) -> int:
    """Returns the exit code."""
    from agents.feeds.start import Served
    from agents.feeds.start import run as running

    source = registry.opened(asked.source, asked.endpoints)
    topics_are_there(settings, (*EVENTS, POLICIES, CURSORS, NAMES))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level="WARNING")
    logging.getLogger("clout").setLevel(settings.log_level.upper())
    say(f"reading {asked.source} until Ctrl-C")
    began_s, runners = time.monotonic(), list[Runner]()
    served = Served(asked.host, asked.port, lambda real: say(address(asked.host, real)))
    try:
        asyncio.run(running(settings, source, runners.append, served, asked.limit))
    finally:
        for runner in runners:
            _sum_up(runner, time.monotonic() - began_s, asked.json)
    return 0


def _sum_up(runner: Runner, seconds: float, json: bool) -> None:
    figures, per_s = runner.figures, runner.sent / seconds if seconds > 0 else 0.0
    line = f"fed {runner.sent:,} records in {seconds:.1f} s ({per_s:,.0f}/s)"
    line += f"; {figures.events:,} since the first cursor" if figures.events > runner.sent else ""
    line += f"; skipped {figures.skipped.total():,}: {counted(figures.skipped)}" if figures.skipped else ""
    line += f"; {figures.errors.total():,} connections lost: {counted(figures.errors)}" if figures.errors else ""
    say(safe(line))
    if json:
        json_line(
            {
                "fed": runner.sent,
                "events": figures.events,
                "skipped": dict(figures.skipped),
                "errors": dict(figures.errors),
                "cursor": figures.cursor,
                "gap": figures.gap,
                "seconds": round(seconds, 3),
                "events_per_s": round(per_s, 1),
            }
        )
