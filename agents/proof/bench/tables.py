"""What a comparison has measured, as tables: for the terminal, and for the README."""

from __future__ import annotations

from typing import Any

PEERS = ("w1", "w2")  #: the parts that measure systems beside each other
WORKLOADS = ("w1", "w1-topics", "w1-rules", "w2")  #: the parts in which systems drain one feed

Shown = tuple[str, list[str], list[list[str]]]  # title, columns, rows


def tables(part: str, measured: Any) -> list[Shown]:
    """A part of the result as tables: title, columns, rows. The README's are made from the same."""
    if part in WORKLOADS:
        return [_systems(measured)]
    if part == "latency":
        return [_latency(measured)]
    if part == "memory":
        columns = ["users", "bytes a user", "resident MB", "CPU µs an event, model only"]
        rows = [
            [number(r["users"]), number(r["bytes_per_user"]), number(r["rss_mb"]), number(r["cpu_us_per_event"], 1)]
            for r in measured
        ]
        return [("a table filled in a fresh process, interpreter included", columns, rows)]
    if part == "growth":
        return [
            (f"a worker's cost by {what}", [what, *_COST], [[number(row[what]), *_cost(row)] for row in measured[what]])
            for what in ("users", "partitions")
        ]
    if part == "hot":
        return [("one user in 30 % of all events", ["feed", *_COST], [[row["feed"], *_cost(row)] for row in measured])]
    if part == "recovery":
        columns = ["users", "records", "seconds", "records/s", "CPU µs a record", "bytes a user, at most"]
        names = ("users", "records", "seconds", "records_per_s", "cpu_us_per_record", "bytes_per_user")
        rows = [[number(measured[name], 1 if isinstance(measured[name], float) else 0) for name in names]]
        return [("rows of all partitions read back by one fresh process", columns, rows)]
    if part == "footprint":
        return _footprint(measured)
    if part == "processes":
        rows = [[number(r["processes"]), *_cost(r), number(r["ratio"], 2)] for r in measured]
        return [("workers under one parent, the CPU of all of them", ["processes", *_COST, "x one"], rows)]
    if part == "linked":
        rows = [[row["feed"], *_cost(row), number(row["ratio"], 2)] for row in measured]
        return [("accounts of persons, two to four each", ["feed", *_COST, "x nobody"], rows)]
    return [_plain(measured)]


def _footprint(measured: dict[str, Any]) -> list[Shown]:
    columns = ["topic", "records an event", "bytes an event", "bytes a record", "markers"]
    topics = [
        [
            name,
            number(t["records_per_event"], 3),
            number(t["bytes_per_event"], 1),
            number(t["bytes_per_record"], 1),
            number(t["markers"]),
        ]
        for name, t in measured["topics"].items()
    ]
    touches, redis = measured["touches"], measured["redis"]
    prices = [
        [what, number(touches[f"worker_cpu_us{name}"]), number(touches[f"kafka_cpu_us{name}"])]
        for what, name in (
            ("itself", ""),
            ("each partition it touches", "_a_partition"),
            ("telling the group", "_offsets"),
        )
    ]
    sizes = [number(redis[name], 1) for name in ("bytes_per_user", "history_bytes_per_user", "cpu_us_per_record")]
    fed = f"{measured['events']:,} events drawn from {measured['drawn_from']:,} users, {measured['partitions']} partitions"
    return [
        (f"left in Kafka, one copy, not compacted: {fed}", columns, topics),
        ("a transaction", ["of it", "worker CPU µs", "broker CPU µs"], prices),
        ("Redis", ["bytes a user", "bytes of a full history", "CPU µs a record"], [sizes]),
    ]


def _plain(measured: Any) -> Shown:
    """Whatever numbers a part reports, one row for each of its results."""
    results = measured if isinstance(measured, list) else [measured]
    columns = [name for name, value in results[0].items() if isinstance(value, int | float | str)]
    return (
        "",
        columns,
        [[number(v, 2) if isinstance(v := row[name], float) else str(v) for name in columns] for row in results],
    )


def _systems(measured: dict[str, Any]) -> Shown:
    columns = [
        "system",
        "guarantee",
        "events",
        "CPU µs/event",
        "spread",
        "x Clout",
        "events/s a core",
        "events/s",
        "peak MB",
        "Kafka µs/event",
    ]
    if "left_out" in measured:
        return f"left out: {measured['left_out']}", columns, []
    rows = [
        [
            f"{row['label']} ({name})",
            row["guarantee"],
            number(row["events"]),
            number(row["cpu_us_per_event"], 1),
            share(row["cpu_spread"]),
            number(row["ratio"], 2),
            number(row["events_per_core_s"]),
            number(row["events_per_s"]),
            number(row["peak_rss_mb"]),
            number(row["kafka_cpu_us_per_event"], 1),
        ]
        for name, row in measured["systems"].items()
    ]
    return measured["workload"], columns, rows


def _latency(measured: list[dict[str, Any]]) -> Shown:
    columns = ["events/s asked", "interval ms", "events/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs/event"]
    rows = [
        [number(row["rate"]), number(row["interval_ms"] or None), "not held", *["-"] * 4]
        if "failed" in row
        else [
            number(row["rate"]),
            number(row["interval_ms"]),
            number(row["events_per_s"]),
            *(number(row["worker"][name]) for name in ("p50_ms", "p99_ms", "p999_ms")),
            number(row["worker_cpu_us_per_event"], 1),
        ]
        for row in measured
    ]
    return "event to Redis, fed live, with transactions", columns, rows


_COST = ["events", "CPU µs/event", "spread", "events/s", "peak MB"]


def _cost(row: dict[str, Any]) -> list[str]:
    return [
        number(row["events"]),
        number(row["cpu_us_per_event"], 1),
        share(row["cpu_spread"]),
        number(row["events_per_s"]),
        number(row["peak_rss_mb"]),
    ]


def share(value: float | None) -> str:
    """A part of the whole in percent, or a dash."""
    return "-" if value is None else f"{value:.0%}"


def number(value: float | None, digits: int = 0) -> str:
    """With commas, or a dash for what is not known."""
    return "-" if value is None else f"{value:,.{digits}f}"
