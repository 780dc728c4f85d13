"""What was measured, as tables: title, columns, rows. The documents' are made from the same."""

from __future__ import annotations

from typing import Any

PEERS = ("w1", "w2")


Shown = tuple[str, list[str], list[list[str]]]  # title, columns, rows


def tables(part: str, found: Any) -> list[Shown]:
    """A part of the result as tables: title, columns, rows. The README's are made from the same."""
    if part in PEERS:
        return [_systems(found)]
    if part == "latency":
        return [_latency(found)]
    if part == "memory":
        columns = ["users", "bytes a user", "resident MB", "CPU µs an event, model only"]
        rows = [[_n(r["users"]), _n(r["bytes_per_user"]), _n(r["rss_mb"]), _n(r["cpu_us_per_event"], 1)] for r in found]
        return [("a table filled in a fresh process, interpreter included", columns, rows)]
    if part == "growth":
        return [
            (f"a worker's cost by {what}", [what, *_COST], [[_n(row[what]), *_cost(row)] for row in found[what]])
            for what in ("users", "partitions")
        ]
    if part == "hot":
        return [("one user in 30 % of all events", ["feed", *_COST], [[row["feed"], *_cost(row)] for row in found])]
    if part == "recovery":
        columns = ["users", "records", "seconds", "records/s", "CPU µs a record", "bytes a user, at most"]
        names = ("users", "records", "seconds", "records_per_s", "cpu_us_per_record", "bytes_per_user")
        rows = [[_n(found[name], 1 if isinstance(found[name], float) else 0) for name in names]]
        return [("rows of all partitions read back by one fresh process", columns, rows)]
    if part == "footprint":
        return _footprint(found)
    if part == "processes":
        rows = [[_n(r["processes"]), *_cost(r), _n(r["ratio"], 2)] for r in found]
        return [("workers under one parent, the CPU of all of them", ["processes", *_COST, "x one"], rows)]
    return [_plain(found)]


def _footprint(found: dict[str, Any]) -> list[Shown]:
    columns = ["topic", "records an event", "bytes an event", "bytes a record", "markers"]
    topics = [
        [
            name,
            _n(t["records_per_event"], 3),
            _n(t["bytes_per_event"], 1),
            _n(t["bytes_per_record"], 1),
            _n(t["markers"]),
        ]
        for name, t in found["topics"].items()
    ]
    touches, redis = found["touches"], found["redis"]
    prices = [
        [what, _n(touches[f"worker_cpu_us{name}"]), _n(touches[f"kafka_cpu_us{name}"])]
        for what, name in (
            ("itself", ""),
            ("each partition it touches", "_a_partition"),
            ("telling the group", "_offsets"),
        )
    ]
    sizes = [_n(redis[name], 1) for name in ("bytes_per_user", "history_bytes_per_user", "cpu_us_per_record")]
    fed = f"{found['events']:,} events drawn from {found['drawn_from']:,} users, {found['partitions']} partitions"
    return [
        (f"left in Kafka, one copy, not compacted: {fed}", columns, topics),
        ("a transaction", ["of it", "worker CPU µs", "broker CPU µs"], prices),
        ("Redis", ["bytes a user", "bytes of a full history", "CPU µs a record"], [sizes]),
    ]


def _plain(found: Any) -> Shown:
    """Whatever numbers a part reports, one row for each of its results."""
    results = found if isinstance(found, list) else [found]
    columns = [name for name, value in results[0].items() if isinstance(value, int | float | str)]
    return (
        "",
        columns,
        [[_n(v, 2) if isinstance(v := row[name], float) else str(v) for name in columns] for row in results],
    )


def _systems(found: dict[str, Any]) -> Shown:
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
    if "left_out" in found:
        return f"left out: {found['left_out']}", columns, []
    rows = [
        [
            f"{row['label']} ({name})",
            row["guarantee"],
            _n(row["events"]),
            _n(row["cpu_us_per_event"], 1),
            _share(row["cpu_spread"]),
            _n(row["ratio"], 2),
            _n(row["events_per_core_s"]),
            _n(row["events_per_s"]),
            _n(row["peak_rss_mb"]),
            _n(row["kafka_cpu_us_per_event"], 1),
        ]
        for name, row in found["systems"].items()
    ]
    return found["workload"], columns, rows


def _latency(found: list[dict[str, Any]]) -> Shown:
    columns = ["events/s asked", "interval ms", "events/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs/event"]
    rows = [
        [_n(row["rate"]), _n(row["interval_ms"] or None), "not held", *["-"] * 4]
        if "failed" in row
        else [
            _n(row["rate"]),
            _n(row["interval_ms"]),
            _n(row["events_per_s"]),
            *(_n(row["worker"][name]) for name in ("p50_ms", "p99_ms", "p999_ms")),
            _n(row["worker_cpu_us_per_event"], 1),
        ]
        for row in found
    ]
    return "event to Redis, fed live, with transactions", columns, rows


_COST = ["events", "CPU µs/event", "spread", "events/s", "peak MB"]


def _cost(row: dict[str, Any]) -> list[str]:
    return [
        _n(row["events"]),
        _n(row["cpu_us_per_event"], 1),
        _share(row["cpu_spread"]),
        _n(row["events_per_s"]),
        _n(row["peak_rss_mb"]),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _n(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
