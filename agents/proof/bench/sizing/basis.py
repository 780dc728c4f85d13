"""What the page is computed from: what was measured, what is assumed, and the formulas."""

from __future__ import annotations

import dataclasses
import math

from agents.proof.bench.sizing.needs import Sizing
from agents.proof.bench.sizing.numbers import MISSING, n
from agents.proof.bench.sizing.rows import ROW_RECORDS
from streams.broker.publisher import TELL_S
from streams.fold.rows import ENTRY


def given(one: Sizing) -> list[str]:
    """The last section of the page."""
    f, a = one.f, one.a
    measured: list[tuple[str, str]] = [
        ("worker CPU an event, hardly anybody twice in an interval", f"{n(f.worker_us, 1)} µs"),
        ("the same in `w1`, whose users come again and again", f"{n(f.w1_us, 1)} µs"),
        ("broker CPU an event: taking it in; all that comes of it", f"{n(f.fed_us, 1)}; {n(f.kafka_us, 1)} µs"),
        ("Redis CPU a record; a daily close", f"{n(f.redis_us, 1)}; {n(f.close_us, 1)} µs"),
        (
            "bytes an event in the event topics, `engagements`, `state`, `scores`",
            "; ".join(n(value) for value in (f.event_bytes, f.pack_bytes, f.state_bytes, f.score_bytes)),
        ),
        (
            "bytes a record in `state`, of users with one action; in `scores`",
            f"{n(f.state_record_bytes)}; {n(f.score_record_bytes)}",
        ),
        ("records an event to `state`; `scores` and Redis", f"{n(f.state_records, 2)}; {n(f.score_records, 2)}"),
        (
            f"worker memory a user with one action; while rows are read back, of {n(f.recovering_actions)} actions",
            f"{n(f.row_bytes)}; {n(f.recovering_bytes)} B",
        ),
        ("Redis memory a user; a full history of daily closes", f"{n(f.redis_bytes)}; {n(f.history_bytes)} B"),
        ("`state` records read back a second", n(f.recovered_per_s)),
        ("a transaction: worker; broker CPU", f"{n(f.transaction_worker_us)}; {n(f.transaction_kafka_us)} µs"),
        (
            "each partition it touches: worker; broker CPU; log",
            f"{n(f.touch_worker_us)}; {n(f.touch_kafka_us)} µs; {n(f.touch_bytes)} B",
        ),
        ("telling the group its offsets: broker CPU", f"{n(f.offsets_kafka_us)} µs"),
        (f"users of a partition until one more pauses it for {a.pause_ms:g} ms", _until_pause(one)),
    ]
    return [
        "## From what",
        "",
        "| measured, one copy | |",
        "|---|---|",
        *(f"| {name} | {MISSING if MISSING in value else value} |" for name, value in measured),
        "",
        "| assumed | | |",
        "|---|---|---|",
        *(f"| `{each.name}` | {getattr(a, each.name):g} | {each.metadata['doc']} |" for each in dataclasses.fields(a)),
        "",
        "Formulas, each once (E events/s at the peak, U users, P partitions, T the interval):",
        "",
        "- actions remembered of a user, on average = `active` · `remembered` + (1 - `active`); each beyond those of the "
        f"measurement is {ENTRY} + `target_bytes` more in a worker's memory and in `state`; an event writes all "
        "`remembered` of its actor",
        "- workers = max((E · CPU an event + CPU for transactions) / busy, U · bytes a user / (worker memory · busy), "
        "time to read `state` / recovery time)",
        f"- `state` = {ROW_RECORDS} records a user / (1 - dirty ratio) and what is written until a segment is full, an hour at "
        "most: compaction leaves it alone",
        "- time to read it = records / records a second + bytes of actions beyond the first / `recovery_mb`",
        "- partitions = max(U / users until a pause, workers · partitions a worker), the next power of two",
        "- markers/s = P/T · (P (1 - e^(-n/P)) + 2), n = E T / P engagements of one interval of one partition",
        "- broker cores = copies · (E · CPU an event + P/T · CPU a transaction + markers/s · CPU a partition touched + "
        f"P · CPU of telling offsets / {TELL_S:g} s)",
        "- a silent record costs at most as much as one of an event, and is counted as one",
        "- bytes in = copies · E · bytes an event; bytes out = (copies - 1) · those, and what workers and readers of `scores` read",
        "- disk = copies · (7 days of events, packs and their markers; `state` as above, and `scores` likewise)",
        "- shards = max(records/s · Redis CPU a record / busy, U · bytes a user / (shard memory · busy))",
    ]


def _until_pause(one: Sizing) -> str:
    """How far a table may grow, or how far it was seen to grow without a pause."""
    return f"none up to {n(one.f.grown_to)}" if math.isinf(one.partition_users) else n(one.partition_users)
