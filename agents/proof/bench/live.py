"""`clout bench live`: Clout with and without transactions, and plain Faust, drain one kind of backlog in turn, same servers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from agents.proof.bench import clout
from agents.proof.bench import preload as feed
from agents.proof.bench.filled_topics import stage
from agents.proof.bench.machine import machine, require_linux, versions
from agents.proof.bench.peers import drain
from agents.proof.bench.servers import servers
from agents.proof.bench.show import Show
from agents.proof.bench.systems import ALL
from streams.sources.record import Produced

#: the names of Clout's two rows in the result, and whether its publisher uses transactions
PUBLISHERS = {"clout": True, "clout-no-transactions": False}


def live(
    events: int,
    users: int,
    faust_events: int,
    show: Show,
    kafka: str | None = None,
    redis: str | None = None,
    runs: int = 2,
) -> dict[str, Any]:
    """Run all and compare. `faust_events` 0 leaves plain Faust out. Raises WrongResult when the counts of one are wrong.

    Both publishers drain the same records `runs` times, each run in another order, because the machine's speed drifts; what is
    reported are medians. Faust, which differs by more than any drift, runs once, between them.
    """
    require_linux()
    result: dict[str, Any] = {"systems": {}, "ratio": None, "machine": machine(), "versions": versions()}
    drained: dict[str, list[dict[str, Any]]] = {name: [] for name in PUBLISHERS}

    def make(count: int) -> Iterator[Produced]:
        return feed.synthetic(count, users)

    with contextlib.ExitStack() as stack:
        running = stack.enter_context(servers(kafka, redis, show.say))
        ours = stack.enter_context(stage(running, make, events, show))
        theirs = stack.enter_context(stage(running, make, faust_events, show)) if faust_events else None
        for run in range(runs):
            for name in list(PUBLISHERS)[:: -1 if run % 2 else 1]:
                with show.bar(f"{name} drains, run {run + 1} of {runs}", events) as bar:
                    settings = ours.fresh(transactions=PUBLISHERS[name])
                    drained[name].append(clout.drain(settings, running, ours.fold, bar))
            if theirs and not run:
                with show.bar("plain Faust drains", sum(theirs.fold.given.values())) as bar:
                    drained["faust"] = [drain(ALL["faust"], None, theirs.fresh(), running, theirs.fold, bar)]
    systems = result["systems"] = {name: _medians(drains) for name, drains in drained.items()}
    clouts, plain, faust = systems["clout"], systems["clout-no-transactions"], systems.get("faust")
    result["transactions"] = {
        "cpu_cost": round(clouts["cpu_us_per_event"] / plain["cpu_us_per_event"] - 1.0, 3),
        "events_per_s_cost": round(1.0 - clouts["events_per_s"] / plain["events_per_s"], 3),
        "goal": 0.15,
        "runs": runs,
    }
    if faust:
        result["ratio"] = {
            "events_per_s": round(clouts["events_per_s"] / faust["events_per_s"], 1),
            "cpu": round(faust["cpu_us_per_event"] / clouts["cpu_us_per_event"], 1),
        }
    return result


def _medians(drains: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row of several runs: the median of each figure; the counts are the same in all, but for records written."""
    if len(drains) == 1:
        return drains[0]
    row = {}
    for name in drains[0]:
        values = [drain[name] for drain in drains if drain[name] is not None]
        middle = median(values) if values else None
        row[name] = round(middle) if isinstance(drains[0][name], int) and middle is not None else middle
    return row | {"runs": list(drains)}


def cost(transactions: dict[str, Any]) -> str:
    """The price of transactions in words, from `live`'s result."""
    cpu, speed = transactions["cpu_cost"], transactions["events_per_s_cost"]
    return f"transactions cost {cpu:.0%} CPU µs an event and {speed:.0%} events/s (goal: at most {transactions['goal']:.0%})"
