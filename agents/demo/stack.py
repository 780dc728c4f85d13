"""What the demo runs: broker, Redis, one worker and what delivers alerts, each a child of this process that ends with it."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from agents.demo.pager import Pager, paging
from agents.local import embedded
from streams.broker.admin import Admin
from streams.errors import CloutError
from streams.fold import folder
from streams.settings import Settings, variable_of

INTERRUPTED = 130  # the exit code
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: the embedded broker makes a worker wait for half of its session timeout before it may join
SESSION_TIMEOUT_S = 2
#: a silent partition says so soon: how the demo knows that the worker has begun, and that everything is folded
IDLE_S = 0.5
#: The embedded broker looks at every batch ever written to a partition whenever one is read, about 1 us each, so the
#: demo writes few: two partitions unless CLOUT_PARTITIONS says otherwise, and a feed in bursts (agents/demo/story.py).
PARTITIONS = 2
#: how far somebody must fall in a day for an alert: by default so far that small ups and downs of a minute are none
ALERT_POINTS = 5.0
FETCH_MIN_BYTES = 1  # and it looks again and again until a fetch is full
#: and it keeps every batch for ever, as it came
COMPRESSION = "zstd"
WORKER_STOP_S = 5.0
LAST_LINES = 15
#: what the demo takes over from the shell; anything else there is about another Kafka, another Redis
_KEPT = ("CLOUT_MODEL", "CLOUT_PARTITIONS", "CLOUT_ALERT_POINTS", "CLOUT_ALERT_COOLDOWN_H", "CLOUT_LOG_LEVEL")


class WorkerEnded(CloutError):
    """The demo's worker is gone, and with it the rows."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The running parts."""

    settings: Settings
    worker: embedded.Process
    log: Path
    pager: Pager

    def check(self) -> None:
        """Raises WorkerEnded with the worker's last words when it is gone."""
        code = self.worker.poll()
        if code is not None:
            lines = self.log.read_text(errors="replace").rstrip().splitlines()[-LAST_LINES:]
            words = "\n".join(f"  | {line}" for line in lines) or "  | (it said nothing)"
            raise WorkerEnded(f"the worker ended with code {code}; start the demo again. Its last words:\n{words}")


@contextlib.contextmanager
def stack(
    clock: str, say: Callable[[str], None], environ: Mapping[str, str] = os.environ, *, closes_ms: int | None = None
) -> Iterator[Stack]:
    """Starts everything on free loopback ports; ends it, and nothing else, when the block is left.

    A day closes at `closes_ms`, ms since epoch, and each 24 hours later.
    The worker has been started, but may not have joined yet. Signals are ignored while things end.
    """
    kept = {"CLOUT_PARTITIONS": str(PARTITIONS), "CLOUT_ALERT_POINTS": str(ALERT_POINTS)} | {
        name: environ[name] for name in _KEPT if environ.get(name)
    }
    with contextlib.ExitStack() as parts:
        say("starting a broker and a Redis")
        kafka = parts.enter_context(embedded.embedded_kafka())
        redis = parts.enter_context(embedded.embedded_redis())
        settings = Settings.load(
            kept,
            kafka=kafka,
            redis=redis,
            clock=clock,
            replication=1,
            api_open="true",
            transactions=False,  # the embedded broker has none
            session_timeout_s=SESSION_TIMEOUT_S,
            compression=COMPRESSION,
            idle_s=IDLE_S,
            fetch_min_bytes=FETCH_MIN_BYTES,
            day_closes=None
            if closes_ms is None
            else f"{datetime.datetime.fromtimestamp(closes_ms / 1000, datetime.UTC):%H:%M:%S}",
        )
        with Admin(settings) as admin:
            admin.create()
        folder = parts.enter_context(embedded.own_folder())
        log = folder / "worker.log"
        say("starting a worker")
        argv = [sys.executable, "-m", "agents.demo.worker"]
        environment = worker_environment(settings, environ)
        worker = parts.enter_context(embedded.child(argv, log=log, env=environment, stop_s=WORKER_STOP_S))
        pager = parts.enter_context(paging())
        delivering = [sys.executable, "-m", "agents.cli.main", "alerting"]
        more = {"CLOUT_CHANNELS": str(pager.channels(folder)), "CLOUT_ALERTING_INSIDE": "127.0.0.0/8"}
        environment |= more | {"CLOUT_SECRET_DEMO": pager.secret}
        parts.enter_context(
            embedded.child(delivering, log=folder / "alerting.log", env=environment, stop_s=WORKER_STOP_S)
        )
        parts.callback(_deaf)
        yield Stack(settings, worker, log, pager)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and a closed terminal end the block as Ctrl-C does, with KeyboardInterrupt; afterwards all is as before.

    Not after an interrupt: then everything ends, and a second signal, that of impatience, changes nothing.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupted = False

    def interrupt(*_: Any) -> None:
        nonlocal interrupted
        interrupted = True
        _deaf()
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        if not interrupted:
            for number, handler in before.items():
                signal.signal(number, handler)


def worker_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The shell's environment with every CLOUT_* variable replaced by these settings."""
    ours = {variable_of(f.name): str(getattr(settings, f.name)) for f in fields(settings)}
    foreign = {k: value for k, value in environ.items() if not k.startswith("CLOUT_") or k == folder.VARIABLE}
    root = str(Path(__file__).parent.parent.parent)  # the same code as ours, from whatever folder
    path = os.pathsep.join(filter(None, [root, environ.get("PYTHONPATH")]))
    return {**foreign, **ours, "PYTHONPATH": path}


def _deaf() -> None:
    """An impatient second Ctrl-C must not leave a child behind."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
