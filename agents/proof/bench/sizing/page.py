"""`deploy/SIZING.md`: the page an operator reads, made of figures, assumptions and what they come to."""

from __future__ import annotations

import math
from typing import Any

from agents.proof.bench.sizing.basis import given
from agents.proof.bench.sizing.inputs import KLOUT, Assumptions, Load, figures
from agents.proof.bench.sizing.limits import breaks
from agents.proof.bench.sizing.needs import LIVE_INTERVAL_S, Sizing
from agents.proof.bench.sizing.numbers import MISSING, b, n
from agents.proof.bench.sizing.unmeasured import largest
from streams.broker.publisher import TELL_S
from streams.partition.interval import LONGEST_S

PARTITIONS = (64, 256, 1024, 4096)

HEAD = """# How many of everything

*Written by `deploy/sizing` from `deploy/figures/bench.json`; change neither by hand.*
"""
NOTHING = f"""
{MISSING.capitalize()}: `deploy/bench --json deploy/figures/bench.json`, then `deploy/sizing`.
"""


def page(measured: dict[str, Any] | None, load: Load = KLOUT, assumed: Assumptions | None = None) -> str:
    """The whole page for one load. Without figures it says how to get them."""
    if not measured:
        return HEAD + NOTHING
    assumed = assumed or Assumptions()
    one = Sizing(load, figures(measured), assumed)
    return "\n".join([HEAD, *_intro(measured, one), *_result(one), *breaks(one), *_transactions(one), *given(one), ""])


def _intro(measured: dict[str, Any], one: Sizing) -> list[str]:
    load = one.load
    machine = measured["machine"]
    said = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}"
    said += "".join(f", {name} {version}" for name, version in measured["versions"].items())
    whose = " (Klout's own figures)" if load == KLOUT else ""
    return [
        f"The load: **{n(load.events_per_day)} events a day and {n(load.users)} users**{whose}. That is "
        f"{n(one.average)} events/s on average and {n(one.events)} at the peak. Everything is sized for the peak; what is "
        "kept for 7 days, for the average. "
        "Another load: `deploy/sizing --events-per-day N --users N`, with `--assume peak=5` and the like.",
        "",
        f"Measured on {measured['date']}: {said}. Cores are cores of that machine. One node of each kind was measured, not many "
        "together.",
        "",
    ]


def _result(one: Sizing) -> list[str]:
    """What is needed and why."""
    rows = [
        ("workers, a process and a core each", one.workers, one.worker_needs),
        ("partitions of every topic, a power of two", one.partitions, one.partition_needs),
        (f"brokers of {n(one.a.broker_cores)} cores", one.brokers, one.broker_needs),
        (f"Redis shards of {n(one.a.shard_gb)} GB", one.shards, one.shard_needs),
    ]
    cores = one.broker_cores
    more = [
        ("users and events/s of a worker", f"{n(one.load.users / one.workers)}, {n(one.events / one.workers)}"),
        (
            "users and events/s of a partition",
            f"{n(one.load.users / one.partitions)}, {n(one.events / one.partitions)}",
        ),
        ("a worker recovers its rows in", f"{n(one.reading_s / one.workers)} s"),
        ("all workers at once", f"{n(largest(one.reading_s / one.workers, one.all_at_once_s))} s"),
        (
            "bytes an event to `state`; of a user in `state`",
            f"{n(one.rows.state_an_event)}; {n(one.rows.state_a_user)}",
        ),
        ("worker memory a user; while rows are read back", f"{n(one.rows.running)}; {n(one.rows.recovering)} B"),
        ("into the brokers, copies included", f"{b(one.bytes_in)}/s"),
        ("out of the brokers", f"{b(one.bytes_out)}/s"),
        *((f"disk for {name}, copies included", b(size * one.a.replication)) for name, size in one.disk.items()),
        *((f"broker cores for {name}", n(value)) for name, value in cores.items()),
        (
            "offsets told to the one broker that coordinates the group",
            f"{n(one.partitions / TELL_S)}/s, {n(one.coordinator_cores)} cores",
        ),
        ("records to Redis and `scores`", f"{n(one.scored)}/s, {b(one.scored * one.f.score_record_bytes)}/s"),
        ("Redis memory", b(one.load.users * (one.f.redis_bytes + one.f.history_bytes))),
        ("the daily close of all users keeps each shard busy for", f"{n(one.close_s)} s"),
    ]
    return [
        "## What it takes",
        "",
        "| | needed | each limit alone asks for |",
        "|---|---|---|",
        *(f"| {name} | **{n(needed, 0)}** | {_needs(needs)} |" for name, needed, needs in rows),
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {MISSING if MISSING in value else value} |" for name, value in more),
        "",
    ]


def _needs(needs: dict[str, float]) -> str:
    return ", ".join(f"{name} {n(value)}" for name, value in sorted(needs.items(), key=lambda item: -item[1]))


def _transactions(one: Sizing) -> list[str]:
    """The table by partitions."""

    def row(partitions: float) -> str:
        live, slow = LIVE_INTERVAL_S, LONGEST_S
        return " | ".join(
            [
                f"| {partitions:,.0f}",
                n(one.markers(partitions, live)),
                n(one.transaction_cores(partitions, live)),
                n(one.markers(partitions, slow)),
                n(one.transaction_cores(partitions, slow)),
                n(one.transaction_worker_cores(partitions, slow)),
                f"{n(one.interval_for(partitions), 2)} s |",
            ]
        )

    applications = _applications(one)
    return [
        "## Transactions",
        "",
        "Each of P partitions commits once an interval T. Its transaction touches its own `state` and `scores` and, because packs "
        "go to whoever was engaged with, up to P partitions of `engagements`: each gets a batch and a marker. "
        "So markers grow with P², until an interval has fewer engagements than there are partitions: then each travels alone.",
        "",
        f"| P | markers/s at {LIVE_INTERVAL_S:g} s | broker cores | markers/s at {LONGEST_S:g} s | broker cores | worker "
        f"cores | T for {one.a.markers:.0%} of the brokers' CPU |",
        "|---|---|---|---|---|---|---|",
        *map(row, PARTITIONS),
        "",
        f"The events themselves take {n(one.event_cores)} broker cores: what the measured drain's own transactions took is "
        f"subtracted. A worker's interval goes from {LIVE_INTERVAL_S:g} to {LONGEST_S:g} s, by its own CPU; `scores` are "
        f"as late. {applications}",
        "",
    ]


def _applications(one: Sizing) -> str:
    """How many applications the load has to be cut into."""
    for count in (2**power for power in range(11)):
        part = Sizing(Load(one.load.events_per_day / count, one.load.users / count), one.f, one.a)
        if math.isnan(part.interval_s):
            return f"How many applications keep it within that: {MISSING}."
        if part.interval_s <= LONGEST_S:
            each = f"{n(part.partitions)} partitions and {n(part.workers)} workers each, T = {n(part.interval_s, 2)} s"
            return (
                f"**{count} applications** by network keep all within that: {each}."
                if count > 1
                else "It fits one application."
            )
    return "No number of applications keeps it within that: the assumptions ask for too much."
