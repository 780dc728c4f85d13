"""State outlives everything: worker, broker and Redis, stopped and started in whatever order."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from agents.local.cluster import KafkaCluster, lacks_for_kafka
from agents.local.embedded import Process, ask, child, free_port
from tests.integration.forked import Nursery
from tests.integration.stack import Stack
from tests.integration.test_restart import exact, history
from tests.servers import left_out

#: what is stopped first, and what is started first: w(orker), k(afka), r(edis)
ORDERS = [("wkr", "krw"), ("krw", "wkr"), ("rwk", "rwk")]


class Machine:
    """One of each, on ports of their own."""

    def __init__(self, kafka: KafkaCluster, clout: Stack, redis_port: int, folder: Path) -> None:
        self._kafka, self._clout, self._port, self._folder = kafka, clout, redis_port, folder
        self._up = {"k": contextlib.ExitStack()}
        self._up["k"].callback(kafka.stop, 1)

    def start(self, what: str, *, wait: bool = False) -> None:
        """A worker need not be ready: it waits for what is not there yet."""
        self._up[what] = stack = contextlib.ExitStack()
        if what == "k":
            self._kafka.start(1)
            stack.callback(self._kafka.stop, 1)
        elif what == "r":
            stack.enter_context(redis(self._port, self._folder))
        else:
            stack.enter_context(self._clout.worker(wait=wait, stop_s=2, CLOUT_NAME="one"))

    def stop(self, what: str) -> None:
        """The worker in order if it can, broker and Redis as a crash would."""
        self._up.pop(what).close()

    def stop_all(self) -> None:
        """Whatever is up, the worker first."""
        for what in sorted(self._up, reverse=True):
            self.stop(what)


def redis(port: int, folder: Path) -> contextlib.AbstractContextManager[Process]:
    """A Redis that keeps nothing."""
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    answers: Callable[[Process], bool] = lambda _: b"PONG" in ask(port, b"PING\r\n")  # noqa: E731
    return child(argv, answers)


def test_stopped_and_started_in_any_order(nursery: Nursery | None, prefix: str, tmp_path: Path) -> None:
    """After each of these orders everything that was read is in rows, Redis and `scores`, and what comes then counts once."""
    if lack := lacks_for_kafka():
        left_out(lack)
    if not shutil.which("redis-server"):
        left_out("no real Redis: redis-server is missing (Debian: apt-get install redis-server)")
    part = 600
    events = history(part * (len(ORDERS) + 1), seed=41)
    with KafkaCluster() as kafka:
        port = free_port()
        settings = {"partitions": 2, "model": "plain", "clock": "stream", "idle_s": 0.5}
        clout = Stack(kafka.bootstrap, f"redis://127.0.0.1:{port}/0", prefix, tmp_path, nursery, **settings)
        machine = Machine(kafka, clout, port, tmp_path)
        try:
            for what in "rw":
                machine.start(what, wait=True)
            clout.feed(events[:part])
            clout.settled(part)
            for at, (stops, starts) in enumerate(ORDERS, 2):
                for what in stops:
                    machine.stop(what)
                for what in starts:
                    machine.start(what)
                clout.settled(part * (at - 1))
                clout.feed(events[part * (at - 1) : part * at])
                clout.settled(part * at)
            exact(clout, events)
        finally:
            machine.stop_all()
