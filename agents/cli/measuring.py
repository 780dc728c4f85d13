"""What the commands of `clout bench` have in common: options, talk and progress, and how they end."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from agents.cli.output import say
from agents.cli.progress import progress
from agents.worker.warm import ensure
from streams.errors import CloutError

Command = TypeVar("Command", bound=Callable[..., Any])


def option(flag: str, text: str, **options: Any) -> Callable[[Command], Command]:
    """An option that is also read from `CLOUT_BENCH_...`."""
    variable = f"CLOUT_BENCH_{flag.removeprefix('--').replace('-', '_').upper()}"
    return click.option(
        flag, envvar=variable, show_envvar=True, show_default="default" in options, help=text, **options
    )


def _server(flag: str, text: str) -> Callable[[Command], Command]:
    variable = f"CLOUT_{flag.removeprefix('--').upper()}"
    text = f"{text} Not given: one of our own, ended afterwards."
    return click.option(flag, envvar=variable, show_envvar=True, help=text)


USERS = option("--users", "Users they are from and about.", type=click.IntRange(min=2), default=200_000)
KAFKA = _server("--kafka", "Kafka to use, host:port[,host:port...].")
REDIS = _server("--redis", "Redis to use, a URL.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead of a table.")


class Show:
    """`agents.proof.bench.show.Show` on stderr; bars only where somebody sees them."""

    def say(self, line: str) -> None:
        """One line."""
        say(line)

    @contextlib.contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar; call what it gives with how many more."""
        if not sys.stderr.isatty():
            say(what)
        done = 0
        with progress(what, f"of {total:,}", total) as shown:

            def advance(more: int) -> None:
                nonlocal done
                done += more
                shown.update(done)

            yield advance


def hush() -> None:
    """A topic made a moment ago answers `not leader` once or twice; the producer tries again, nobody needs to read it."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Known errors as one message and their exit code, also when this group runs by itself. Compiles the core first, if need be."""
    ensure(say)
    try:
        yield
    except CloutError as error:
        shown = click.ClickException(str(error))
        shown.exit_code = error.exit_code
        raise shown from None
