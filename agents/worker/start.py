"""Running one worker: wait for Kafka and Redis, check the topics, hand over to Faust."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

import faust

from agents.app import create_app
from agents.worker.ending import die
from agents.worker.health import Health
from agents.worker.warm import ensure
from streams.broker.admin import Admin
from streams.broker.allowed import check_rights
from streams.errors import DependencyDown
from streams.scoreboard.connect import connect, ping
from streams.settings import Settings

_LONGEST_PAUSE_S = 10.0


class Drain(Protocol):
    """When a worker ends that is to count what is there and no more: `agents.admin.drain.Drain`."""

    def check(self, admin: Admin) -> None:
        """Raise CloutError if it must not begin. Topics may have surplus partitions."""

    def wait(self, health: Health) -> None:
        """Return once everything is counted. Blocks; in a thread of its own."""


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


def ready(
    settings: Settings,
    say: Callable[[str], None],
    patience_s: float | None = None,
    check: Callable[[Admin], None] = Admin.check,
) -> None:
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
            check(admin)

    wait_for("Kafka", topics_are_right, say, patience_s)
    wait_for("Redis", lambda: asyncio.run(redis_answers()), say, patience_s)


def run(
    settings: Settings,
    say: Callable[[str], None] | None = None,
    health: Health | None = None,
    drain: Drain | None = None,
) -> None:
    """Run until SIGTERM or SIGINT, or until `drain` is done; then exit the process with 0; 1 when the worker had to end."""
    say, health = say or (lambda line: print(line, file=sys.stderr)), health or Health()  # noqa: T201
    ready(settings, say, check=drain.check if drain else Admin.check)
    ensure(say)  # not while partitions wait for it
    logging.getLogger("clout").setLevel(settings.log_level.upper())
    logging.getLogger("kafka").setLevel(logging.WARNING)  # of each of its connections it tells ten lines
    logging.getLogger("kafka.admin").setLevel(logging.ERROR)  # and it warns of what Faust's members say of themselves
    faster_loop()
    app = create_app(settings, health, surplus=drain is not None)
    app.finalize()
    if drain:
        threading.Thread(target=_end_after, args=(drain, health), name="drain", daemon=True).start()
    # Faust below info installs a spinner and sets the root logger to debug: 115 us an event
    _Worker(app, loglevel="info", redirect_stdouts=False).execute_from_commandline()


class _Worker(faust.Worker):
    """Faust's, without the second that it sleeps once all has ended."""

    async def _sentinel_task(self) -> None:
        """A few turns of the loop, in which connections say goodbye."""
        await asyncio.sleep(0.05)


def faster_loop() -> bool:
    """Let all loops that are made from now on, Faust's and that of its consumer's thread, be uvloop's where that is installed."""
    try:
        import uvloop  # the extra `fast`
    except ImportError:
        return False
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    return True


def _end_after(drain: Drain, health: Health) -> None:
    """End the worker as an operator does, once it is drained."""
    try:
        drain.wait(health)
    except BaseException as error:  # noqa: BLE001 - else the worker would run for ever
        die(error)
    os.kill(os.getpid(), signal.SIGTERM)
