"""`clout worker`: one worker, with the small HTTP API beside it if wished, or several under one parent."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.cli.options import EVERYTHING, host_option, settings_options
from agents.cli.output import say
from streams.errors import UsageError
from streams.settings import Settings, variable_of

if TYPE_CHECKING:
    from agents.worker.health import Health

MOST_PROCESSES = 64
LAST_PORT = 65_535


@click.command()
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_PROCESSES),
    default=1,
    show_default=True,
    show_envvar=True,
    help="Run so many workers of the group under one parent, which restarts what dies and passes SIGTERM and Ctrl-C on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, LAST_PORT),
    default=None,
    show_envvar=True,
    help="Serve page, JSON API, health checks and metrics on this port of --host; 0: a free one. Without it none is opened. "
    "With --processes the next ones take the ports after it.",
)
@host_option
@click.option("--drain", is_flag=True, show_envvar=True,
              help="Count what is there, and end once nothing has waited for some seconds.")  # fmt: skip
@settings_options(*(name for name in EVERYTHING if name != "replication"))
def worker(settings: Settings, port: int | None, host: str, processes: int, drain: bool) -> int:
    """Run a worker: it folds events from Kafka into one row per user and keeps the live scores in Redis.

    Start as many as there are partitions: Kafka shares the partitions out among them. The worker waits for Kafka and Redis
    and says what it waits for; it stops at wrong topics. SIGTERM and Ctrl-C end it in order (exit code 0).

    With --processes N each process serves health checks and metrics of its own: the first on --port, the second on the next
    port, and so on; with --name W they are W-1, W-2 and so on. One that ends by itself starts again after 1 s, 2 s, ... 30 s.
    A second Ctrl-C kills them.

    --drain is for the moment before `clout state export`: feeds are stopped, no other worker runs. It works too where a topic
    has more partitions than CLOUT_PARTITIONS, and leaves the surplus ones alone: `clout topics rest` writes what they hold.
    SIGTERM and Ctrl-C end it before; it says "drained" when it is.

    \b
    clout topics create && clout worker
    clout worker --kafka broker1:9092,broker2:9092 --redis redis://:password@cache:6379/0 --port 8080
    clout worker --processes 4 --port 8080 --name machine7
    clout worker --drain && clout state export clout.zst
    """
    if drain and processes > 1:
        raise UsageError(f"--drain --processes {processes}: a worker that drains is alone; leave one of them out")
    if drain and not settings.transactions:
        raise UsageError(
            "--drain --no-transactions: without transactions no rows are kept, so there is nothing to drain for"
        )
    if processes > 1:
        return _several(settings, port, host, processes)
    for number in (signal.SIGTERM, signal.SIGINT):  # until Faust listens to them: while it starts and waits
        signal.signal(number, _leave)
    from agents.worker.health import Health

    health = Health()
    with _page(settings, port, host, health):
        from agents.admin.drain import Drain
        from agents.worker.start import run

        run(settings, say, health, Drain(settings, say) if drain else None)
    return 0


@contextmanager
def _page(settings: Settings, port: int | None, host: str, health: Health) -> Iterator[None]:
    """Serves page and health checks while the block lasts, and says where; without a port nothing."""
    if port is None:
        yield
        return
    from agents.api.serve import serving

    with serving(settings, port, host, health) as real:
        say(address(host, real))
        yield


def address(host: str, port: int) -> str:
    """Where a browser finds it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _several(settings: Settings, port: int | None, host: str, processes: int) -> int:
    """Run a parent; returns its exit code."""
    if port and port + processes - 1 > LAST_PORT:
        raise UsageError(
            f"--port {port} --processes {processes}: the last one would serve on port {port + processes - 1}; "
            f"{LAST_PORT} is the highest there is"
        )
    if processes > settings.partitions:
        idle = processes - settings.partitions
        say(f"{idle} of {processes} processes will be idle: there are {settings.partitions} partitions")
    env = {**_environ(settings), "CLOUT_WORKER_HOST": host}
    Settings.load(env, name=_name(settings, processes))  # the longest name of a child may be too long
    from agents.worker.parent import Parent

    return Parent([_argv(settings, port, number) for number in range(1, processes + 1)], env).run()


def _name(settings: Settings, number: int) -> str:
    return f"{settings.name}-{number}" if settings.name else ""


def _argv(settings: Settings, port: int | None, number: int) -> list[str]:
    """The command of a child, counted from 1: what is its own, as flags. -P: what lies in the current folder is not ours."""
    argv = [sys.executable, "-P", "-m", "agents.cli.as_child", "worker", "--processes", "1"]
    if port is not None:
        argv += ["--port", str(port + number - 1 if port else 0)]
    if settings.name:
        argv += ["--name", _name(settings, number)]
    return argv


def _environ(settings: Settings) -> dict[str, str]:
    """What all have in common, as variables: nobody reads a password in a list of processes.

    Our own modules are found where ours are; PYTHONPATH comes before the standard library, so it is left alone where no need is.
    """
    ours = {variable_of(name): str(getattr(settings, name)) for name in settings.__dataclass_fields__}
    root = str(Path(__file__).parents[2])
    if root not in sys.path[1:]:  # only the first is not theirs: a checkout that is the current folder
        ours["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {**os.environ, **ours}


def _leave(*_: object) -> None:
    """Nothing is owned yet, so there is nothing to let go; no clean-up of a library and no full pipe may hold this up."""
    os._exit(0)
