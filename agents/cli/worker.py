"""`clout worker`: one worker, with the small HTTP API beside it if wished."""

from __future__ import annotations

import os
import signal
import sys

import click

from agents.cli.options import EVERYTHING, settings_options
from agents.cli.output import say
from streams.settings import Settings


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    show_envvar=True,
    help="Serve page, JSON API, health checks and metrics on this port of 127.0.0.1; 0: a free one. Without it none is opened.",
)
@settings_options(*(name for name in EVERYTHING if name != "replication"))
def worker(settings: Settings, port: int | None) -> None:
    """Run a worker: it folds events from Kafka into one row per user and keeps the live scores in Redis.

    Start as many as there are partitions: Kafka shares the partitions out among them. The worker waits for Kafka and Redis
    and says what it waits for; it stops at wrong topics. SIGTERM and Ctrl-C end it in order (exit code 0).

    \b
    clout topics create && clout worker
    clout worker --kafka broker1:9092,broker2:9092 --redis redis://:password@cache:6379/0 --port 8080
    """
    for number in (signal.SIGTERM, signal.SIGINT):  # until Faust listens to them: while it starts and waits
        signal.signal(number, _leave)
    from agents.health import Health

    health = Health()
    if port is not None:
        from agents.api.serve import serve_in_thread

        say(f"http://127.0.0.1:{serve_in_thread(settings, port, health=health)}")
    from agents.worker import run

    run(settings, say, health)


def _leave(*_: object) -> None:
    """Nothing is owned yet, so there is nothing to let go; no clean-up of a library may hold this up."""
    sys.stderr.flush()
    os._exit(0)
