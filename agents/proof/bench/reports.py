"""What each benchmark but the comparison has measured, as one table with a line below it."""

from __future__ import annotations

from typing import Any, NamedTuple

from agents.proof.bench.tables import number


class Report(NamedTuple):
    """A table as people see it."""

    columns: list[str]
    rows: list[list[str]]
    caption: str


_SYSTEMS = {
    "clout": "Clout, one worker",
    "clout-no-transactions": "the same, plain publisher",
    "faust": "plain Faust",
}


def live(result: dict[str, Any]) -> Report:
    """`clout bench live`."""
    from agents.proof.bench.live import cost

    columns = ["", "events", "events/s", "CPU µs/event", "peak RSS MB", "Kafka µs/event", "Redis µs/event"]
    rows = [
        [
            _SYSTEMS[name],
            f"{system['events']:,}",
            f"{system['events_per_s']:,}",
            f"{system['cpu_us_per_event']:.1f}",
            f"{system['peak_rss_mb']:,.0f}",
            *(number(system[f"{server}_cpu_us_per_event"], 1) for server in ("kafka", "redis")),
        ]
        for name, system in result["systems"].items()
    ]
    if ratio := result["ratio"]:
        rows.append(["Clout to Faust", "", f"{ratio['events_per_s']} x", f"{ratio['cpu']} x", "", "", ""])
    return Report(columns, rows, cost(result["transactions"]))


def latency(result: dict[str, Any]) -> Report:
    """`clout bench latency`."""
    columns = ["event to Redis", "events", "p50 ms", "p99 ms", "p99.9 ms"]
    rows = [
        [label, f"{result[name]['events']:,}", *(number(result[name][at], 1) for at in ("p50_ms", "p99_ms", "p999_ms"))]
        for name, label in (("worker", "worker's histogram"), ("probes", "probes, by Redis' clock"))
    ]
    said = ", ".join(f"{name} {share:.0%}" for name, share in result["cpu_share"].items() if share is not None)
    return Report(columns, rows, f"{result['events_per_s']:,} events/s; of one core: {said}")


def alerts(result: dict[str, Any]) -> Report:
    """`clout bench alerts`."""
    columns = ["event to webhook", "alerts", "p50 ms", "p99 ms", "p99.9 ms", "goal, p99 ms"]
    one = result["probes"]
    row = ["urgent rule", f"{one['alerts']:,}", *(number(one[at], 1) for at in ("p50_ms", "p99_ms", "p999_ms"))]
    said = ", ".join(f"{name} {share:.0%}" for name, share in result["cpu_share"].items())
    goal = f"{result['goal_ms']:.0f}"
    return Report(columns, [[*row, goal]], f"{result['events_per_s']:,} events/s; of one core: {said}")


def source(result: dict[str, Any]) -> Report:
    """`clout bench source`."""
    columns = ["live source", "events", "a second", "CPU µs/event", "a second of CPU", "goal, a second of CPU", "transactions"]
    row = [
        f"bluesky, {result['frame_bytes']} bytes a frame",
        f"{result['events']:,}",
        f"{result['events_per_s']:,}",
        f"{result['cpu_us_per_event']:.1f}",
        f"{result['events_per_cpu_s']:,}",
        f"{result['goal']:,}",
        f"{result['commits']:,}",
    ]
    shares = ", ".join(f"{name} {us:.1f}" for name, us in result["parts_us"].items())
    return Report(columns, [row], f"of these µs: {shares}")


def recovery(result: dict[str, Any]) -> Report:
    """`clout bench recovery`."""
    columns = ["records", "a second", "a CPU second", "CPU µs each", "users", "bytes/user", "seconds"]
    row = [
        f"{result['records']:,}",
        f"{result['records_per_s']:,}",
        f"{result['records_per_cpu_s']:,}",
        f"{result['cpu_us_per_record']:.2f}",
        f"{result['users']:,}",
        f"{result['bytes_per_user']:,}",
        f"{result['seconds']:.1f}",
    ]
    of_each = "2 records a user and version, and 1 a user of who engaged"
    return Report(columns, [row], f"{result['versions_of_a_user']} versions of each user, {of_each}")


def takeover(result: dict[str, Any]) -> Report:
    """`clout bench takeover`."""
    columns = ["case", "stands still, s", "goal, s", "in Redis, s", "the others, s"]
    rows = [
        [
            f"{name} ({case['counted']})",
            number(case["seconds"], 1),
            f"{case['goal_s']:.0f}",
            number(case["shown_seconds"], 1),
            number(case["others_seconds"], 1),
        ]
        for name, case in result["cases"].items()
    ]
    caption = (
        f"{result['users']:,} users, {result['rate']:,.0f} events/s, session timeout {result['session_timeout_s']} s; "
        f"when nothing happens {result['steady_s']:.1f} s"
    )
    return Report(columns, rows, caption)


def stall(result: dict[str, Any]) -> Report:
    """`clout bench stall`."""
    columns = ["case", "longest ms", "of these CPU", "p99 ms", "seconds", "most by phase, CPU ms"]
    rows = [
        [
            name,
            number(case["longest_ms"], 1),
            number(case.get("longest_cpu_ms"), 1),
            number(case["p99_ms"], 1),
            f"{case['seconds']:.1f}",
            ", ".join(f"{phase} {ms:.1f}" for phase, ms in list(case["phases"].items())[:4]),
        ]
        for name, case in result["cases"].items()
    ]
    caption = (
        f"{result['users']:,} users, {result['changed']:,} rows in `commit`; goal: at most {result['goal_ms']:.0f} ms"
    )
    return Report(columns, rows, caption)


def api(result: dict[str, Any]) -> Report:
    """`clout bench api`."""
    columns = ["", "a second", "a second of CPU", "CPU µs", "goal, a second of CPU", "p50 ms", "p99 ms", "goal, p99 ms"]
    rows = [_reads(row) for row in result["reads"]]
    rows += [
        [
            f"{row['listeners']:,} listeners of the stream",
            f"{row['changes_per_s']:,}",
            number(1e6 / row["cpu_us"]),
            number(row["cpu_us"]),
            "-",
            *(number(row[at], 1) for at in ("p50_ms", "p99_ms", "goal_p99_ms")),
        ]
        for row in result["stream"]
    ]
    if open_ := result.get("dashboards"):
        rows.append([f"user, beside {open_['listeners']:,} dashboards", *_reads(open_["reads"])[1:]])
    if crowd := result.get("crowd"):
        beside = _reads(crowd["reads"])
        rows.append([f"user, beside {crowd['connections']:,} connections", *beside[1:]])
    return Report(columns, rows, f"{result['users']:,} users, each load {result['seconds']:g} s, one process of the API")


def _reads(row: dict[str, Any]) -> list[str]:
    counts = [number(row[at]) for at in ("per_s", "per_cpu_s", "cpu_us", "goal_per_cpu_s")]
    return [row["name"], *counts, *(number(row.get(at), 1) for at in ("p50_ms", "p99_ms", "goal_p99_ms"))]
