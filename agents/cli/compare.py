"""`clout bench compare`: Clout beside the systems one would otherwise pick, and what else is measured with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from agents.cli.measuring import KAFKA, REDIS, Show, errors, hush
from agents.cli.output import console, table


def _chosen(
    only: str | None, parts: Sequence[str], systems: Sequence[str], usual: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Parts and systems named in `only`; of what it names none, all usual ones. Raises click.BadParameter."""
    from agents.proof.bench.tables import PEERS

    named = [name.strip() for name in (only or "").split(",") if name.strip()]
    unknown = [name for name in named if name not in parts and name not in systems]
    if unknown:
        raise click.BadParameter(
            f"no {', '.join(unknown)}; there are the parts {', '.join(parts)} and the systems {', '.join(systems)}",
            param_hint="--only",
        )
    some = [name for name in systems if name in named]
    # systems alone: the parts in which they are measured
    asked = [name for name in parts if name in named] or [name for name in parts if not some or name in PEERS]
    return asked, some or list(usual)


@click.command()
@click.option("--quick", is_flag=True, help="A few hundred events: shows that everything works, measures nothing.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write everything to this file; - for stdout.",
)
@click.option("--only", help="Parts and systems, with commas: w1,latency or w1,clout,flink.")
@click.option("--runs", type=click.IntRange(min=1), help="Runs of each system, in turn; medians are shown. [3]")
@click.option(
    "--events", type=click.IntRange(min=200), help="Events to drain; slow systems get what fills a minute. [2,000,000]"
)
@KAFKA
@REDIS
def compare(
    quick: bool,
    json_file: Path | None,
    only: str | None,
    runs: int | None,
    events: int | None,
    kafka: str | None,
    redis: str | None,
) -> None:
    """Compare with plain Faust, Quix Streams, Kafka Streams, Apache Flink and bare reading, on one Kafka in one run.

    Parts: w1 (synthetic), w1-topics (the same with objects and topics; Clout and bare reading), w1-rules (the same with 10,000
    rules; Clout), w2 (Higgs), latency, memory, recovery, footprint, growth, hot, processes, linked. In w1 and w2 all systems do
    the same job: weigh, re-key to the target, three decayed sums in their own fault-tolerant state, score out. A run counts only
    if the last score of every user is right; others are told at the end, with exit code 1.

    With --only and --json, what the file has of other parts is kept if it was measured on the same day and machine.

    Systems: clout, faust, quix, kafka-streams, flink, limit (only reads and decodes); and clout-plain (model `plain`),
    quix-exactly, kafka-streams-exactly, flink-exactly, which run when they are named. Fetches the peers with pip and Maven
    the first time.
    """
    from agents.proof.bench.compare import compare as run
    from agents.proof.bench.comparison import FULL, QUICK
    from agents.proof.bench.parts import PARTS
    from agents.proof.bench.systems import ALL, USUAL

    parts, systems = _chosen(only, list(PARTS), list(ALL), USUAL)
    sizes = QUICK if quick else FULL
    if runs:
        sizes = dataclasses.replace(sizes, runs=runs)
    if events:
        sizes = dataclasses.replace(sizes, events=events, extra_events=min(events, sizes.extra_events))

    before = _before(json_file) if json_file and only else {}

    def keep(result: dict[str, Any]) -> None:
        if json_file and str(json_file) != "-":
            json_file.write_bytes(_json(joined(before, result)))

    hush()
    with errors():
        result = run(parts, systems, sizes, Show(), kafka, redis, keep)
    if str(json_file) == "-":
        click.get_binary_stream("stdout").write(_json(result))
    else:
        _print(parts, joined(before, result))
    for failure in result["failed"]:
        click.echo(f"failed: {failure}", err=True)
    if result["failed"]:
        raise SystemExit(1)


def _before(file: Path) -> dict[str, Any]:
    result: dict[str, Any] = orjson.loads(file.read_bytes()) if file.is_file() else {}
    return result


def joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What was measured now, and what of the file was not; all of it now if the file is of another day, machine or size."""
    same = before and all(_where(before)[name] == _where(now)[name] for name in _where(now))
    return {**before, **now, "versions": before["versions"] | now["versions"]} if same else now


def _where(result: dict[str, Any]) -> dict[str, Any]:
    machine = {name: value for name, value in result["machine"].items() if name != "load"}
    return machine | {"date": result["date"], "sizes": result["sizes"]}


def _json(result: dict[str, Any]) -> bytes:
    return orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n"


def _print(parts: Sequence[str], result: dict[str, Any]) -> None:
    from agents.proof.bench.goals import goals
    from agents.proof.bench.tables import tables

    for part in parts:
        for title, columns, rows in tables(part, result[part]):
            click.echo(f"\n{part}: {title}")
            console().print(table(columns, rows, wide=(columns[0], "guarantee")))
    click.echo("\ngoals")
    console().print(table(["figure", "goal", "measured"], goals(result), wide=("figure",)))
    said = ", ".join(f"{name} {value}" for name, value in {**result["machine"], **result["versions"]}.items())
    click.echo(f"\n{result['date']}: {said}")
