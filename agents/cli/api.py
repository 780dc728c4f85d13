"""`clout api`: page and API over Redis, without a worker."""

from __future__ import annotations

import os
import signal

import click

from agents.cli.options import KAFKA, REDIS, host_option, settings_options
from agents.cli.output import say
from agents.cli.worker import LAST_PORT, address
from streams.settings import Settings

PORT = 8000


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, LAST_PORT),
    default=PORT,
    show_default=True,
    show_envvar=True,
    help="Serve on this port of --host; 0: a free one, which is said on stderr.",
)
@host_option
@settings_options(*KAFKA, *REDIS, "clock", "idle_s", "app", "api_open", "api_limit", "api_cors", "api_prefix")
def api(settings: Settings, port: int, host: str) -> int:
    """Serve page, JSON API and health checks out of Redis, without a worker. Kafka is asked for tokens and writes alone.

    It keeps nothing: start as many as you like, each on a port of its own, behind a load balancer. `/readyz` is well while some
    worker anywhere keeps scores. It waits for Redis: reads answer 503 until it is there. SIGTERM and Ctrl-C end it in order
    (exit code 0).

    \b
    clout api
    clout api --port 8081 --redis redis://cache:6379/0
    """
    for number in (signal.SIGTERM, signal.SIGINT):  # until the server listens to them, and when it has ended
        signal.signal(number, lambda *_: os._exit(0))
    from agents.api.serve import serve

    serve(settings, port, host, lambda real: say(address(host, real)))
    return 0
