"""Running one worker: wait for Kafka and Redis, check the topics, hand over to Faust."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable

import faust

from agents.app import create_app
from agents.worker.health import Health
from streams.broker.admin import Admin
from streams.broker.allowed import check_rights
from streams.errors import DependencyDown
from streams.scoreboard.connect import connect, ping
from streams.settings import Settings

_LONGEST_PAUSE_S = 10.0


def wait_for(
    what: str, ready: Callable[[], object], say: Callable[[str], None], patience_s: float | None = None
) -> None:
    """Call `ready` until it stops raising DependencyDown; says each time what is waited for and when it tries again.

    Raises the last DependencyDown once `patience_s` is over (None: never).
    """
    pause_s, began = 0.5, time.monotonic()
    while True:
        try:
            ready()
        except DependencyDown as error:
            if patience_s is not None and time.monotonic() - began + pause_s > patience_s:
                raise
            say(
                f"waiting for {what}: {error}; next try in {pause_s:.0f} s"
                if pause_s >= 1
                else f"waiting for {what}: {error}"
            )
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            return


def ready(settings: Settings, say: Callable[[str], None], patience_s: float | None = None) -> None:
    """Return once Kafka has the right topics and Redis answers. Raises TopicMismatch at once when the topics are wrong."""

    async def redis_answers() -> None:
        client = connect(settings)
        try:
            await ping(client)
        finally:
            await client.aclose()

    def topics_are_right() -> None:
        with Admin(settings) as admin:
            check_rights(admin, settings, "worker")
            admin.check()

    wait_for("Kafka", topics_are_right, say, patience_s)
    wait_for("Redis", lambda: asyncio.run(redis_answers()), say, patience_s)


def run(settings: Settings, say: Callable[[str], None] | None = None, health: Health | None = None) -> None:
    """Run until SIGTERM or SIGINT, then exit the process with 0; 1 when the worker had to end."""
    ready(settings, say or (lambda line: print(line, file=sys.stderr)))  # noqa: T201
    logging.getLogger("clout").setLevel(settings.log_level.upper())
    app = create_app(settings, health)
    app.finalize()
    # Faust below info installs a spinner and sets the root logger to debug: 115 us an event
    faust.Worker(app, loglevel="info", redirect_stdouts=False).execute_from_commandline()
