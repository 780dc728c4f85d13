"""`clout bench source`: what an event of a live source costs, from the socket to the committed transaction."""

from __future__ import annotations

import asyncio
import logging
import time
from random import Random
from typing import Any

from agents.feeds.bluesky import Bluesky
from agents.feeds.runner import Runner
from agents.proof.bench.apart import apart
from agents.proof.bench.clout import WrongResult
from agents.proof.bench.machine import machine, require_linux, versions
from agents.proof.bench.played_jetstream import frames
from agents.proof.bench.servers import names, servers
from agents.proof.bench.show import Show
from streams.broker.admin import Admin
from streams.clocks import Clocks
from streams.settings import Settings
from streams.sources.bluesky import Frames
from streams.topics import EVENTS

GOAL_PER_CPU_S = 20_000  #: events a second of a core
_PARSED = 20_000  # frames that are parsed alone


def source(events: int, show: Show, kafka: str | None = None) -> dict[str, Any]:
    """Feeds so many. Raises WrongResult when another number arrives."""
    require_linux()
    logging.getLogger("clout.feed").setLevel(logging.ERROR)  # that it is stopped in the end is no news
    about = {"machine": machine(), "versions": versions()}
    with servers(kafka, "redis://unused", show.say) as running, names(running) as settings:
        with apart("played_jetstream", {"events": events}) as server, show.bar("feeding", events) as bar:
            url = f"ws://127.0.0.1:{server.ready()['port']}"
            runner = Runner(settings, Bluesky((url,)), _clocks(), Random(1), events)
            began_s, cpu_began_s = time.monotonic(), time.process_time()
            asyncio.run(_run(runner, bar))
            cpu_s, lasted_s = time.process_time() - cpu_began_s, time.monotonic() - began_s
            frame_bytes = server.result()["frame_bytes"]
        if runner.sent != events or _records(settings) < events:
            raise WrongResult(f"{runner.sent:,} of {events:,} events were sent, {_records(settings):,} are in the topics")
    cpu_us, parsing_us = cpu_s / events * 1e6, _parsing_us()
    return {
        "events": events,
        "frame_bytes": frame_bytes,
        "events_per_s": round(events / lasted_s),
        "cpu_us_per_event": round(cpu_us, 1),
        "events_per_cpu_s": round(1e6 / cpu_us),
        "goal": GOAL_PER_CPU_S,
        "commits": runner.figures.commits,
        "parts_us": {
            "frame to event": round(parsing_us, 1),
            "socket, runner and producer": round(cpu_us - parsing_us, 1),
        },
        **about,
    }


async def _run(runner: Runner, bar: Any) -> None:
    life, told = asyncio.create_task(runner.run(asyncio.Event())), 0
    while not life.done():
        await asyncio.wait({life}, timeout=0.5)
        bar(runner.sent - told)
        told = runner.sent
    life.result()


def _clocks() -> Clocks:
    return Clocks(lambda: time.time() * 1000, time.monotonic, time.thread_time)


def _records(settings: Settings) -> int:
    """Offsets of the topics: events, and a mark in each partition for each transaction that wrote there."""
    with Admin(settings) as admin:
        return sum(log.end - log.first for topic in EVENTS for log in admin.bounds(topic).values())


def _parsing_us() -> float:
    """CPU of a frame alone."""
    some, parser = frames(_PARSED), Frames(lambda: time.time() * 1000)
    parser.begin("x", None, by_time=False)
    began_s = time.process_time()
    for frame in some:
        parser.read(frame)
    return (time.process_time() - began_s) / len(some) * 1e6
