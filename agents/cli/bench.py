"""`clout bench`: how fast it is, how late it is, and at what price, measured on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agents.cli.compare import compare
from agents.cli.measuring import JSON, KAFKA, REDIS, USERS, Show, errors, hush, option
from agents.cli.output import console, json_line, table

if TYPE_CHECKING:
    from agents.proof.bench.reports import Report


@click.group()
def bench() -> None:
    """Measure speed and latency on a real Kafka and Redis.

    Uses the Kafka and Redis named by --kafka and --redis (CLOUT_KAFKA, CLOUT_REDIS), with topics, group and keys of its own
    that are deleted afterwards; what is not named is started on a free loopback port.
    """


@bench.command()
@option("--events", "Events to drain.", type=click.IntRange(min=1_000), default=500_000)
@USERS
@option(
    "--faust-events",
    "Events for plain Faust; 0 leaves it out. Not given: --events, at most 30,000.",
    type=click.IntRange(min=0),
)
@option("--runs", "Drains of Clout with each publisher, in turn.", type=click.IntRange(min=1), default=2)
@KAFKA
@REDIS
@JSON
def live(
    events: int, users: int, faust_events: int | None, runs: int, kafka: str | None, redis: str | None, as_json: bool
) -> None:
    """Drain a backlog with one worker, with and without transactions, and beside it with plain Faust.

    Pre-loads synthetic events on likes, shares, retweets and follows, then runs one worker process through both stages to
    Redis and `scores`. Time and CPU count from the moment the process has its partitions; every user's counts are checked.
    """
    from agents.proof.bench.live import live as run
    from agents.proof.bench.reports import live as report

    hush()
    with errors():
        faust = min(events, 30_000) if faust_events is None else faust_events
        result = run(events, users, faust, Show(), kafka, redis, runs)
    _print(result, as_json, report)


@bench.command()
@option("--rate", "Events a second.", type=click.IntRange(min=1), default=2_000)
@option("--seconds", "How long to feed; the first 5 s are warm-up.", type=click.FloatRange(min=3), default=15.0)
@option("--transactions", "Publish in transactions, as a worker does by default.", is_flag=True, default=False)
@USERS
@KAFKA
@REDIS
@JSON
def latency(
    rate: int, seconds: float, transactions: bool, users: int, kafka: str | None, redis: str | None, as_json: bool
) -> None:
    """How long an event takes from its own time to Redis, fed live at a steady rate.

    With the plain publisher unless --transactions is given: then an event waits for one commit on its way.

    Told twice: by the worker's own histogram over all events, and by probes, events for targets nobody else has, whose
    arrival is read from the ids of the stream `updates`: the clock of the Redis server.
    """
    from agents.proof.bench.latency import latency as run
    from agents.proof.bench.reports import latency as report

    hush()
    with errors():
        result = run(rate, seconds, users, Show(), kafka, redis, transactions=transactions)
    _print(result, as_json, report)


@bench.command()
@option("--rate", "Events a second.", type=click.IntRange(min=1), default=5_000)
@option("--seconds", "How long to feed; the first 3 s are warm-up.", type=click.FloatRange(min=8), default=20.0)
@USERS
@KAFKA
@REDIS
@JSON
def alerts(rate: int, seconds: float, users: int, kafka: str | None, redis: str | None, as_json: bool) -> None:
    """How long it takes from an event that takes back to the webhook that tells of it, by an urgent rule.

    One worker, one process that delivers, a receiver on loopback; the feed goes on meanwhile.
    """
    from agents.proof.bench.alert_latency import alerts as run
    from agents.proof.bench.reports import alerts as report

    hush()
    with errors():
        result = run(rate, seconds, users, Show(), kafka, redis)
    _print(result, as_json, report)


@bench.command()
@option("--events", "Events that come.", type=click.IntRange(min=1_000), default=200_000)
@KAFKA
@JSON
def source(events: int, kafka: str | None, as_json: bool) -> None:
    """How many events a second a live source holds: Bluesky's frames to Kafka, in transactions, by one core.

    A server on loopback, in a process of its own, says made-up frames as fast as they are taken; counted are the CPU of the
    runner with its connection, parser and producer, and each event in the topics.
    """
    from agents.proof.bench.reports import source as report
    from agents.proof.bench.source import source as run

    hush()
    with errors():
        result = run(events, Show(), kafka)
    _print(result, as_json, report)


@bench.command()
@option("--users", "Users to recover.", type=click.IntRange(min=1), default=200_000)
@option("--versions", "How often each of them was written.", type=click.IntRange(min=1), default=5)
@KAFKA
@JSON
def recovery(users: int, versions: int, kafka: str | None, as_json: bool) -> None:
    """How fast a worker that takes over partitions reads their rows back.

    Writes users with two or three records each, several times, to `state` as a worker does, then recovers all partitions in
    a fresh process. Counts from the first connection to the finished tables; imports do not count. Bytes a user are the
    growth of the process's resident memory.
    """
    from agents.proof.bench.recovery import recovery as run
    from agents.proof.bench.reports import recovery as report

    hush()
    with errors():
        result = run(users, versions, Show(), kafka)
    _print(result, as_json, report)


@bench.command()
@option("--users", "Users whose rows are taken over.", type=click.IntRange(min=4), default=100_000)
@option("--rate", "Events a second that are fed meanwhile.", type=click.FloatRange(min=50), default=300.0)
@KAFKA
@REDIS
@JSON
def takeover(users: int, rate: float, kafka: str | None, redis: str | None, as_json: bool) -> None:
    """How long partitions stand still when a worker is killed, restarted, ended, or joins.

    Two workers under a steady feed, session timeout 6 s. Seconds are the longest time in which nothing of a partition was
    committed while events came: of the partitions that moved to another process, for a join of those that stay.
    """
    from agents.proof.bench.reports import takeover as report
    from agents.proof.bench.takeover import takeover as run

    hush()
    with errors():
        result = run(users, rate, Show(), kafka, redis)
    _print(result, as_json, report)


@bench.command()
@option("--users", "Users of the partition.", type=click.IntRange(min=1), default=1_000_000)
@option("--changed", "Rows changed in the interval of the case `commit`.", type=click.IntRange(min=1), default=200_000)
@JSON
def stall(users: int, changed: int, as_json: bool) -> None:
    """How long the event loop does not turn while one partition does large things. No servers.

    The worker's own loop on a broker and a Redis that swallow everything, with a feed folded beside: an interval of very many
    changed rows, an idle pass in which everyone has moved, a daily close, everyone shown again, the growth of a table.
    A phase is told by the most CPU time it took between two turns of the event loop.
    """
    from agents.proof.bench.reports import stall as report
    from agents.proof.bench.stall import stall as run

    hush()
    with errors():
        result = run(users, changed, Show())
    _print(result, as_json, report)


@bench.command()
@USERS
@option("--seconds", "How long each load lasts.", type=click.FloatRange(min=0.2), default=10.0)
@option(
    "--listeners",
    "Listeners of the stream; may be given several times.",
    type=click.IntRange(min=1),
    multiple=True,
    default=(500, 2_000),
)
@option("--connections", "That ask for nothing; 0: none.", type=click.IntRange(min=0), default=10_000)
@REDIS
@JSON
def api(
    users: int, seconds: float, listeners: tuple[int, ...], connections: int, redis: str | None, as_json: bool
) -> None:
    """What one process of `clout api` answers a second, how soon it pushes a change, and what it bears.

    Fills a Redis with users, as a worker does. Rates are told by the clock and by a second of the API's CPU: API, load and
    Redis share the machine. Delays of the stream count from the moment at which a change is handed to Redis.
    """
    from agents.proof.bench.api import api as run
    from agents.proof.bench.reports import api as report

    hush()
    with errors():
        result = run(users, seconds, listeners, connections, Show(), redis)
    _print(result, as_json, report)


def _print(result: dict[str, Any], as_json: bool, report: Callable[[dict[str, Any]], Report]) -> None:
    if as_json:
        json_line(result)
        return
    columns, rows, caption = report(result)
    console().print(table(columns, rows, wide=(columns[0],)))
    about = result["machine"]
    click.echo(caption)
    click.echo(
        f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, load {about['load']}; "
        f"Python {result['versions']['python']}, faust-streaming {result['versions']['faust-streaming']}, "
        f"aiokafka {result['versions']['aiokafka']}"
    )


bench.add_command(compare)
