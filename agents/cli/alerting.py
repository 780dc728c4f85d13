"""`clout alerting`: a process that takes alerts to those who have to hear of them."""

from __future__ import annotations

import asyncio
import logging

import click

from agents.cli.options import KAFKA, REDIS, settings_options
from agents.cli.output import say
from agents.cli.worker import address
from streams.settings import Settings

_OWN = (
    "app",
    "session_timeout_s",
    "channels",
    "secrets",
    "alerting_inside",
    "alerting_ca",
    "alert_points",
    "log_level",
)


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=None, show_envvar=True,
              help="Serve health checks and metrics on this port of --host; 0: a free one. Without it none is opened.")  # fmt: skip
@click.option(
    "--host", default="127.0.0.1", show_default=True, show_envvar=True, help="Address that --port is opened on."
)
@settings_options(*dict.fromkeys((*KAFKA, *REDIS, *_OWN)))
def alerting(settings: Settings, port: int | None, host: str) -> int:
    """Deliver alerts to the channels that are for them: webhooks, mail, and what Apprise knows. As many processes as you like.

    What waits, and what is tried again, is in the topic `deliveries`: it survives each process. At the first start alerts are
    taken from then on. SIGTERM and Ctrl-C end it.

    \b
    clout alerting
    clout alerting --channels channels.toml --secrets /run/secrets --port 8090
    """
    from agents.alerting.start import run

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level="WARNING")
    logging.getLogger("clout").setLevel(settings.log_level.upper())
    asyncio.run(run(settings, lambda real: say(address(host, real)), host, port))
    return 0
