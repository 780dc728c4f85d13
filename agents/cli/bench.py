"""`clout bench`: how fast it is, how late it is, and at what price, measured on this machine."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from streams.errors import CloutError

Command = TypeVar("Command", bound=Callable[..., Any])


def _option(flag: str, text: str, **options: Any) -> Callable[[Command], Command]:
    """An option that is also read from `CLOUT_BENCH_...`."""
    variable = f"CLOUT_BENCH_{flag.removeprefix('--').replace('-', '_').upper()}"
    return click.option(
        flag, envvar=variable, show_envvar=True, show_default="default" in options, help=text, **options
    )


def _server(flag: str, text: str) -> Callable[[Command], Command]:
    variable = f"CLOUT_{flag.removeprefix('--').upper()}"
    text = f"{text} Not given: one of our own, ended afterwards."
    return click.option(flag, envvar=variable, show_envvar=True, help=text)


_USERS = _option("--users", "Users they are from and about.", type=click.IntRange(min=2), default=200_000)
_KAFKA = _server("--kafka", "Kafka to use, host:port[,host:port...].")
_REDIS = _server("--redis", "Redis to use, a URL.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead of a table.")


class _Show:
    """Talk and progress on stderr; bars only where somebody sees them."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False)

    @contextlib.contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        if not self._console.is_terminal:
            self.say(what)
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            task = progress.add_task(what, total=total)
            yield lambda more: progress.advance(task, more)


@click.group()
def bench() -> None:
    """Measure speed and latency on a real Kafka and Redis.

    Uses the Kafka and Redis named by --kafka and --redis (CLOUT_KAFKA, CLOUT_REDIS), with topics, group and keys of its own
    that are deleted afterwards; what is not named is started on a free loopback port.
    """


@bench.command()
@_option("--events", "Events to drain.", type=click.IntRange(min=1_000), default=500_000)
@_USERS
@_option(
    "--faust-events",
    "Events for plain Faust; 0 leaves it out. Not given: --events, at most 30,000.",
    type=click.IntRange(min=0),
)
@_KAFKA
@_REDIS
@_JSON
def live(
    events: int, users: int, faust_events: int | None, kafka: str | None, redis: str | None, as_json: bool
) -> None:
    """Drain a backlog with one worker, and beside it with plain Faust.

    Pre-loads synthetic events on likes, shares, retweets and follows, then runs one worker process through both stages to
    Redis and `scores`. Time and CPU count from the moment the process has its partitions; every user's counts are checked.
    """
    from agents.bench.live import live as run

    _hush()
    with _errors():
        result = run(
            events, users, min(events, 30_000) if faust_events is None else faust_events, _Show(), kafka, redis
        )
    _print(result, as_json, _live_table)


@bench.command()
@_option("--rate", "Events a second.", type=click.IntRange(min=1), default=2_000)
@_option("--seconds", "How long to feed; the first 5 s are warm-up.", type=click.FloatRange(min=3), default=15.0)
@_option("--transactions", "Publish in transactions, as a worker does by default.", is_flag=True, default=False)
@_USERS
@_KAFKA
@_REDIS
@_JSON
def latency(
    rate: int, seconds: float, transactions: bool, users: int, kafka: str | None, redis: str | None, as_json: bool
) -> None:
    """How long an event takes from its own time to Redis, fed live at a steady rate.

    With the plain publisher unless --transactions is given: then an event waits for one commit on its way.

    Told twice: by the worker's own histogram over all events, and by probes, events for targets nobody else has, whose
    arrival is read from the ids of the stream `updates`: the clock of the Redis server.
    """
    from agents.bench.latency import latency as run

    _hush()
    with _errors():
        result = run(rate, seconds, users, _Show(), kafka, redis, transactions=transactions)
    _print(result, as_json, _latency_table)


def _hush() -> None:
    """A topic made a moment ago answers `not leader` once or twice; the producer tries again, nobody needs to read it."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Known errors as one message and their exit code, also when this group runs by itself."""
    try:
        yield
    except CloutError as error:
        shown = click.ClickException(str(error))
        shown.exit_code = error.exit_code
        raise shown from None


def _print(result: dict[str, Any], as_json: bool, table: Callable[[dict[str, Any]], Table]) -> None:
    if as_json:
        click.echo(orjson.dumps(result).decode())
        return
    console = Console()
    console.print(table(result))
    about = result["machine"]
    console.print(
        f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, load {about['load']}; "
        f"Python {result['versions']['python']}, faust-streaming {result['versions']['faust-streaming']}, "
        f"aiokafka {result['versions']['aiokafka']}",
        highlight=False,
    )


def _live_table(result: dict[str, Any]) -> Table:
    table = Table("", "events", "events/s", "CPU µs/event", "peak RSS MB", "Kafka µs/event", "Redis µs/event")
    for name, system in result["systems"].items():
        table.add_row(
            {"clout": "Clout, one worker", "faust": "plain Faust"}[name],
            f"{system['events']:,}",
            f"{system['events_per_s']:,}",
            f"{system['cpu_us_per_event']:.1f}",
            f"{system['peak_rss_mb']:,.0f}",
            *(_number(system[f"{server}_cpu_us_per_event"]) for server in ("kafka", "redis")),
        )
    if result["ratio"]:
        table.add_row("ratio", "", f"{result['ratio']['events_per_s']} x", f"{result['ratio']['cpu']} x")
    return table


def _latency_table(result: dict[str, Any]) -> Table:
    table = Table("event to Redis", "events", "p50 ms", "p99 ms", "p99.9 ms")
    for name, label in (("worker", "worker's histogram"), ("probes", "probes, by Redis' clock")):
        seen = result[name]
        table.add_row(label, f"{seen['events']:,}", *(_number(seen[key]) for key in ("p50_ms", "p99_ms", "p999_ms")))
    cpu = result["cpu_share"]
    said = ", ".join(f"{name} {share:.0%}" for name, share in cpu.items() if share is not None)
    table.caption = f"{result['events_per_s']:,} events/s; of one core: {said}"
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
