"""One drain of one system on filled topics: its CPU, memory and speed, and a check of every user's last score."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.local.embedded import ChildFailed
from agents.proof.bench import clout
from agents.proof.bench.clout import Beside, Drain, WrongResult
from agents.proof.bench.fold import Fold
from agents.proof.bench.machine import tree_cpu_s, tree_peak_rss_mb
from agents.proof.bench.peer_job import READY
from agents.proof.bench.preload import Progress
from agents.proof.bench.scores_topic import scores_topic
from agents.proof.bench.servers import Ready, Servers, process
from agents.proof.bench.systems import System
from streams.scoreboard.connect import connect_sync
from streams.settings import Settings

_STARTS_SOONER = "-XX:TieredStopAtLevel=1"  # and is slower later: for a few events
LOOK_S, QUIET_S, STALLED_S = 0.05, 1.0, 90.0
_START_S = 90.0  # a cold JVM on a busy machine
_STOP_S = 1.0  # what it scored has been read: nothing is lost by a kill


def drain(
    system: System,
    build: Path | None,
    settings: Settings,
    servers: Servers,
    fold: Fold,
    scored: Progress,
    *,
    quick: bool = False,
) -> dict[str, Any]:
    """Run one system on the filled topics until the last score of every user is right. Raises WrongResult.

    CPU is that of all processes of the system, from its first record (its log says so; imports, the JVM's start and joining
    lie before) to the last score, whose time is the broker's. Clout's ends with its last write to Redis.
    """
    if system.model:
        done = clout.drain(replace(settings, model=system.model), servers, fold, scored)
        asyncio.run(_checked(system, settings, fold))
        return done
    extra = dict(system.env) | ({"JAVA_TOOL_OPTIONS": _STARTS_SOONER} if quick else {})
    argv = [part.format(build=build) for part in system.argv]
    try:
        with (
            connect_sync(settings) as redis,
            process(argv, settings, READY.encode(), start_s=_START_S, stop_s=_STOP_S, extra=extra) as running,
        ):
            beside, quiet_s = Beside(servers, redis), QUIET_S / 4 if quick else QUIET_S
            return asyncio.run(_watch(system, settings, fold, running, beside, scored, quiet_s))
    except ChildFailed as error:
        raise ChildFailed(f"{system.label}: {error}") from None


async def _checked(system: System, settings: Settings, fold: Fold) -> None:
    """Raise WrongResult unless `scores` holds what was fed; the scores of other models than `plain` depend on the order."""
    async with scores_topic(settings) as topic:
        await topic.read()
        wrong = fold.wrong_counts(topic.last) or (fold.wrong_scores(topic.last) if system.model == "plain" else "")
        if wrong:
            raise WrongResult(f"{system.label}, topic scores: {wrong}")


async def _watch(
    system: System, settings: Settings, fold: Fold, running: Ready, beside: Beside, scored: Progress, quiet_s: float
) -> dict[str, Any]:
    pid, wanted = running.process.pid, sum(fold.given.values()) if system.scores else fold.events
    used = [(time.time(), tree_cpu_s(pid), beside.used_s())]
    peak_mb = 0.0
    async with scores_topic(settings) as topic:
        seen = read = 0
        moved_s = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            running.check()
            used.append((time.time(), tree_cpu_s(pid), beside.used_s()))
            ends, now_s = await topic.ends(), time.monotonic()
            if ends != seen:
                seen, moved_s = ends, now_s
            if read != seen and now_s - moved_s >= quiet_s:
                peak_mb, read, before = tree_peak_rss_mb(pid), seen, topic.engagements
                await topic.read()
                scored(topic.engagements - before)
                if topic.engagements == wanted:
                    break
            if now_s - moved_s > STALLED_S:
                raise WrongResult(
                    f"{system.label} stands still for {STALLED_S:.0f} s: scores show {topic.engagements:,} of {wanted:,} "
                    f"engagements. Its last words: {running.words()}"
                )
        if system.scores and (wrong := fold.wrong_counts(topic.last) or fold.wrong_scores(topic.last)):
            raise WrongResult(f"{system.label}: {wrong}")
        settled_s = topic.settled_s()
    began = used[0]
    ended = next((look for look in used[1:] if look[0] >= settled_s), used[-1])
    beside_s = {name: _less(at, began[2][name]) for name, at in ended[2].items()}
    done = Drain(fold.events, max(settled_s - began[0], LOOK_S), ended[1] - began[1], peak_mb, beside_s)
    return done.report() | {"users": len(topic.last), "score_records": topic.records}


def _less(at: float | None, began: float | None) -> float | None:
    return None if at is None or began is None else at - began
