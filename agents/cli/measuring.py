"""What the commands of `clout bench` share: options, talk and progress, errors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from streams.errors import CloutError

Command = TypeVar("Command", bound=Callable[..., Any])


def option(flag: str, text: str, **options: Any) -> Callable[[Command], Command]:
    """An option that is also read from `CLOUT_BENCH_...`."""
    variable = f"CLOUT_BENCH_{flag.removeprefix('--').replace('-', '_').upper()}"
    return click.option(
        flag, envvar=variable, show_envvar=True, show_default="default" in options, help=text, **options
    )


def server(flag: str, text: str) -> Callable[[Command], Command]:
    variable = f"CLOUT_{flag.removeprefix('--').upper()}"
    text = f"{text} Not given: one of our own, ended afterwards."
    return click.option(flag, envvar=variable, show_envvar=True, help=text)


USERS = option("--users", "Users they are from and about.", type=click.IntRange(min=2), default=200_000)


KAFKA = server("--kafka", "Kafka to use, host:port[,host:port...].")


REDIS = server("--redis", "Redis to use, a URL.")


JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout instead of a table.")


class Show:
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


def hush() -> None:
    """A topic made a moment ago answers `not leader` once or twice; the producer tries again, nobody needs to read it."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Known errors as one message and their exit code, also when this group runs by itself."""
    try:
        yield
    except CloutError as error:
        shown = click.ClickException(str(error))
        shown.exit_code = error.exit_code
        raise shown from None
