"""The parts of a comparison, each with figures of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from agents.local.embedded import ChildFailed
from agents.proof.bench.clout import WrongResult
from agents.proof.bench.comparison import Ground, summary
from agents.proof.bench.filled_topics import stage
from agents.proof.bench.footprint import footprint
from agents.proof.bench.latency import latency
from agents.proof.bench.recovery import VERSIONS, recovery
from agents.proof.bench.servers import ROOT
from agents.proof.bench.systems import ALL, System, several
from agents.proof.bench.workloads import Make, Workload, hot, linked, synthetic, workloads

LEAST = 200  # events of a slow system
PROCESSES = (1, 2)
LINKED = 0.2  # of the users


def _workload(name: str) -> Callable[[Ground], dict[str, Any]]:
    """All systems drain one feed, in turn, as often as is asked for. A run that is wrong is told, and counts for nothing."""

    def part(ground: Ground) -> dict[str, Any]:
        sizes, work = ground.sizes, workloads(ground.sizes.users)[name]
        if work.missing:
            ground.show.say(f"{name} left out: {work.missing}")
            return {"left_out": work.missing}
        chosen = drained_in(work, ground.systems)
        counts = {system.name: _count(ground, system, work) for system in chosen}
        runs: dict[str, list[dict[str, Any]]] = {system.name: [] for system in chosen}
        rules = work.rules()
        with contextlib.ExitStack() as stack:
            filled = {
                count: stack.enter_context(stage(ground.running, work.make, count, ground.show, rules))
                for count in sorted(set(counts.values()))
            }
            for run in range(sizes.runs):
                turn = run % max(len(chosen), 1)
                for system in (*chosen[turn:], *chosen[:turn]):
                    try:
                        runs[system.name].append(ground.drained(system, filled[counts[system.name]]))
                    except (WrongResult, ChildFailed) as error:  # an hour of measuring does not end with one bad run
                        ground.failed.append(f"{name}, run {run + 1}: {error}")
        rows = {system.name: _about(system) | summary(runs[system.name]) for system in chosen if runs[system.name]}
        ours = rows.get("clout")
        for row in rows.values():
            row["ratio"] = round(row["cpu_us_per_event"] / ours["cpu_us_per_event"], 3) if ours else None
        return {"workload": work.label, "systems": rows}

    return part


def drained_in(work: Workload, systems: Sequence[System]) -> list[System]:
    """Those that drain it: without those of which another workload tells enough, unless these alone are asked for."""
    return [system for system in systems if system.name not in work.without] or list(systems)


def _about(system: System) -> dict[str, Any]:
    return {"label": system.label, "guarantee": system.guarantee, "note": system.note}


def _count(ground: Ground, system: System, work: Workload) -> int:
    """As many events as fill the workload's time for a slow system, which one short run tells; all for the others."""
    sizes, make = ground.sizes, work.make
    if not system.slow or sizes.quick:
        return sizes.events
    with stage(ground.running, make, max(sizes.events // 100, LEAST), ground.show) as short:
        per_s = ground.drained(system, short)["events_per_s"]
    wanted = int(per_s * work.fill_s)
    rounded = wanted // 1_000 * 1_000 or wanted
    return max(min(rounded, sizes.events), LEAST)


def _latencies(ground: Ground) -> list[dict[str, Any]]:
    """A live feed at each rate; a rate that this machine does not hold is a row that says so."""
    sizes, running, rows = ground.sizes, ground.running, []
    for rate, interval_ms in sizes.live:
        try:
            row = latency(
                *(rate, sizes.feed_s, sizes.users, ground.show, running.kafka, running.redis),
                transactions=True,
                interval_ms=interval_ms,
            )
        except WrongResult as error:
            row = {"rate": rate, "interval_ms": interval_ms, "failed": str(error)}
        rows.append(_bare(row))
    return rows


def _bare(result: dict[str, Any]) -> dict[str, Any]:
    """Without what the comparison says once for all its parts."""
    return {name: value for name, value in result.items() if name not in {"machine", "versions"}}


def _recovery(ground: Ground) -> dict[str, Any]:
    """Rows of so many users, written to `state` several times, read back by a fresh process."""
    return _bare(recovery(ground.sizes.recovered, VERSIONS, ground.show, ground.running.kafka))


def _populations(ground: Ground) -> list[dict[str, Any]]:
    """A fresh process for each number of users: see population.py."""
    rows = []
    for users in ground.sizes.populations:
        ground.show.say(f"a table of {users:,} users")
        argv = [sys.executable, "-m", "agents.proof.bench.population", str(users), str(ground.sizes.extra_events)]
        rows.append(json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout))
    return rows


def _growth(ground: Ground) -> dict[str, list[dict[str, Any]]]:
    """Cost per event of a whole worker by users to draw from, and by partitions; one run of each."""
    sizes = ground.sizes
    by_users: list[_Feed] = [({"users": n}, synthetic(n), {}) for n in sizes.populations]
    by_partitions: list[_Feed] = [
        ({"partitions": n}, synthetic(sizes.users), {"partitions": n}) for n in sizes.partitions
    ]
    return {"users": _ours(ground, by_users, 1), "partitions": _ours(ground, by_partitions, 1)}


def _hot(ground: Ground) -> list[dict[str, Any]]:
    """3 of 10 events have one user as target, or as actor, beside the same feed without."""
    users = ground.sizes.users
    feeds: list[_Feed] = [
        ({"feed": "nobody is hot"}, synthetic(users), {}),
        ({"feed": "one target has 30 %"}, hot(users, "target"), {}),
        ({"feed": "one actor has 30 %"}, hot(users, "actor"), {}),
    ]
    return _ours(ground, feeds, ground.sizes.runs)


def _linked(ground: Ground) -> list[dict[str, Any]]:
    """W1 with nobody linked, and with a part of the users as accounts of persons."""
    users = ground.sizes.users
    feeds: list[_Feed] = [
        ({"feed": "nobody is linked"}, synthetic(users), {}),
        ({"feed": f"{LINKED:.0%} of the users are accounts of persons"}, linked(users, LINKED), {}),
    ]
    rows = _ours(ground, feeds, ground.sizes.runs, ground.sizes.events)
    for row in rows:
        row["ratio"] = round(row["cpu_us_per_event"] / rows[0]["cpu_us_per_event"], 3)
    return rows


_Feed = tuple[dict[str, Any], Make, dict[str, Any]]  # what its row says, records, settings


def _ours(ground: Ground, feeds: Sequence[_Feed], runs: int, events: int = 0) -> list[dict[str, Any]]:
    """Clout alone drains several feeds, in turn."""
    drains: list[list[dict[str, Any]]] = [[] for _ in feeds]
    with contextlib.ExitStack() as stack:
        filled = [
            stack.enter_context(
                stage(ground.running, make, events or ground.sizes.extra_events, ground.show, **settings)
            )
            for _, make, settings in feeds
        ]
        for _ in range(runs):
            for place, rows in zip(filled, drains, strict=True):
                rows.append(ground.drained(ALL["clout"], place))
    return [about | summary(rows) for (about, _, _), rows in zip(feeds, drains, strict=True)]


def _processes(ground: Ground) -> list[dict[str, Any]]:
    """One process, and several under their parent, drain one feed in turn; all processes count, as with the peers."""
    sizes, runs = ground.sizes, dict[int, list[dict[str, Any]]]({number: [] for number in PROCESSES})
    with stage(ground.running, synthetic(sizes.users), sizes.extra_events, ground.show, model="plain") as filled:
        for run in range(sizes.runs):
            for number in sorted(runs, reverse=bool(run % 2)):
                runs[number].append(ground.drained(several(number), filled))
    rows = [{"processes": number} | summary(drains) for number, drains in runs.items()]
    for row in rows:
        row["ratio"] = round(row["cpu_us_per_event"] / rows[0]["cpu_us_per_event"], 3)
    return rows


#: the parts in their order; a new one is a line here and, if it has a table of its own, one in agents/proof/bench/tables.py
PARTS: dict[str, Callable[[Ground], Any]] = {
    "w1": _workload("w1"),
    "w1-topics": _workload("w1-topics"),
    "w1-rules": _workload("w1-rules"),
    "w2": _workload("w2"),
    "latency": _latencies,
    "memory": _populations,
    "recovery": _recovery,
    "footprint": footprint,
    "growth": _growth,
    "hot": _hot,
    "processes": _processes,
    "linked": _linked,
}
