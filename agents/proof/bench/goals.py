"""What the engine is meant to reach, beside what a comparison measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Result = dict[str, Any]


def goals(result: Result) -> list[list[str]]:
    """Rows of figure, goal, measured; `-` where the part was not measured."""
    return [[figure, goal, _told(measured, result)] for figure, goal, measured in _GOALS]


def _told(measured: Callable[[Result], str], result: Result) -> str:
    try:
        return measured(result)
    except (KeyError, IndexError, StopIteration):
        return "-"


def _cpu(result: Result, system: str) -> float:
    return float(result["w1"]["systems"][system]["cpu_us_per_event"])


def _against(system: str) -> Callable[[Result], str]:
    def told(result: Result) -> str:
        times = _cpu(result, "clout") / _cpu(result, system)
        return f"{times:.2f} times" if times >= 1 else f"1/{1 / times:.1f}"

    return told


def _live(interval_ms: int) -> Callable[[Result], str]:
    def told(result: Result) -> str:
        rows = [row for row in result["latency"] if (row["rate"], row.get("interval_ms")) == (20_000, interval_ms)]
        return f"{rows[0]['worker']['p99_ms']:,.0f} ms" if "worker" in rows[0] else "rate not held"

    return told


def _memory(result: Result) -> str:
    row = next(row for row in result["memory"] if row["users"] >= 5_000_000)
    return f"{row['bytes_per_user']:,.0f} bytes"


def _growth(result: Result) -> str:
    by_users = {row["users"]: row["cpu_us_per_event"] for row in result["growth"]["users"]}
    return f"{by_users[5_000_000] / by_users[10_000]:.1f} times"


def _hot(result: Result) -> str:
    plain, *others = result["hot"]
    times = [(row["feed"].split()[1], row["cpu_us_per_event"] / plain["cpu_us_per_event"]) for row in others]
    return ", ".join(f"{whom} {many:.2f} times" for whom, many in times)


def _rules(result: Result) -> str:
    with_rules = float(result["w1-rules"]["systems"]["clout"]["cpu_us_per_event"])
    return f"{with_rules / _cpu(result, 'clout'):.2f} times"


_GOALS: tuple[tuple[str, str, Callable[[Result], str]], ...] = (
    (
        "w1, events/s of a worker core, transactions, default model",
        "120,000",
        lambda r: f"{r['w1']['systems']['clout']['events_per_core_s']:,}",
    ),
    ("CPU an event against plain Faust", "1/60", _against("faust")),
    ("CPU an event against Quix Streams", "1/7", _against("quix")),
    ("CPU an event against Kafka Streams", "1/2", _against("kafka-streams")),
    ("CPU an event against Flink", "1.2 times", _against("flink")),
    ("share of reading and decoding alone", "25 %", lambda r: f"{_cpu(r, 'limit') / _cpu(r, 'clout'):.0%}"),
    ("p99 to Redis at 20,000 events/s, default interval", "400 ms", _live(250)),
    ("p99 to Redis at 20,000 events/s, interval of 50 ms", "150 ms", _live(50)),
    ("memory a user at 5 M users, mostly quiet", "320 bytes", _memory),
    ("recovery, records/s", "1,500,000", lambda r: f"{r['recovery']['records_per_s']:,.0f}"),
    ("cost an event, 5 M users against 10,000", "3 times", _growth),
    ("cost an event with a hot user, against without", "1 times", _hot),
    ("CPU an event of two processes against one", "1.15 times", lambda r: f"{r['processes'][1]['ratio']:.2f} times"),
    ("CPU an event with 10,000 rules, 1,000 of them of somebody, against none", "1.1 times", _rules),
    (
        "CPU an event with 20 % of the users linked, against none",
        "1.3 times",
        lambda r: f"{r['linked'][1]['ratio']:.2f} times",
    ),
)
