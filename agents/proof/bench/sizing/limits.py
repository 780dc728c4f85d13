"""What breaks first when a load grows, and what more machines do not cure."""

from __future__ import annotations

import math
from collections.abc import Callable

from agents.proof.bench.sizing.inputs import Load
from agents.proof.bench.sizing.needs import DEFAULT_PARTITIONS, DIRTY, Sizing
from agents.proof.bench.sizing.numbers import n
from streams.partition.interval import LONGEST_S

_LEAST, _MOST = 1e-6, 1e4  # of the load: nothing smaller or larger is looked at

_Limit = tuple[str, str, Callable[[Sizing], float]]  # what is full, what helps, how full it is: 1 is full


def breaks(one: Sizing) -> list[str]:
    """At which share of the load one of each is full, smallest first; then what more machines do not cure."""
    copies = one.a.replication
    limits: list[_Limit] = [
        *(
            (f"one worker's {name}", "more workers", lambda at, name=name: at.worker_needs[name])
            for name in one.worker_needs
        ),
        *(
            (
                f"{name} of the first {n(copies)} brokers",
                "more brokers",
                lambda at, name=name: at.broker_needs[name] / copies,
            )
            for name in one.broker_needs
        ),
        *(
            (
                f"one Redis shard's {name}",
                "`CLOUT_REDIS_SHARDS`, Redis Cluster",
                lambda at, name=name: at.shard_needs[name],
            )
            for name in one.shard_needs
        ),
    ]
    if not math.isinf(one.partition_users):
        limits.append(
            (
                f"users in one of {n(DEFAULT_PARTITIONS)} partitions: a growing table pauses",
                "more partitions from the start; or `clout state export`, and `import` into an application that has more",
                lambda at: at.load.users / DEFAULT_PARTITIONS / at.partition_users,
            )
        )
    walls: list[_Limit] = [
        (
            f"transactions take more than their share at {n(LONGEST_S)} s, a worker's longest interval",
            "several applications, each for some of the networks, as no event crosses them; in the end packs outside the "
            "transaction",
            lambda at: at.interval_s / LONGEST_S,
        ),
        (
            "telling the group its offsets fills the broker that coordinates it",
            "several applications; telling them less often: lag monitors alone need them",
            lambda at: at.coordinator_cores / (at.a.broker_cores * at.a.busy),
        ),
    ]
    return [
        "## What breaks first",
        "",
        f"The load grows, events and users alike, on one worker, one Redis shard and {n(copies)} brokers. What is full first:",
        "",
        *_limits(one, limits),
        "",
        "What more machines do not cure:",
        "",
        *_limits(one, walls),
        "",
        "Not measured:",
        "",
        "- a group of more than a few workers: each rebalance stops all of them for a moment; stable names, `clout worker "
        "--name`, avoid most",
        "- brokers with replicas; the log cleaner, which rewrites about "
        f"{n(1 / DIRTY)} bytes for each byte written to `state` and `scores`",
        "- a transaction on many brokers: its partitions shared one broker and its requests, so the price of each is a lower bound",
        "- the CPU, of workers and brokers, for the larger memories assumed below: it was measured on users who act once",
        "",
    ]


def _limits(one: Sizing, limits: list[_Limit]) -> list[str]:
    ranked = sorted(
        ((_full_at(one, how_full), what, cure) for what, cure, how_full in limits),
        key=lambda row: (math.isnan(row[0]), row[0]),
    )
    return [
        "| events a day | users | full | then |",
        "|---|---|---|---|",
        *(
            f"| {_at(one.load.events_per_day, share)} | {_at(one.load.users, share)} | {what} | {cure} |"
            for share, what, cure in ranked
        ),
    ]


def _at(of: float, share: float) -> str:
    return f"beyond {n(of * _MOST)}" if math.isinf(share) else n(of * share)


def _full_at(one: Sizing, how_full: Callable[[Sizing], float]) -> float:
    """The share of the load at which something is full; infinite: at none that is looked at. NaN: not known."""

    def full(share: float) -> bool:
        load = Load(one.load.events_per_day * share, one.load.users * share)
        return how_full(Sizing(load, one.f, one.a)) > 1.0

    if math.isnan(how_full(one)):
        return math.nan
    if not full(_MOST):
        return math.inf
    low, high = math.log(_LEAST), math.log(_MOST)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if full(math.exp(middle)) else (middle, high)
    return math.exp(high)
