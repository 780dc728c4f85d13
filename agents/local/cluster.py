"""An Apache Kafka of one or three brokers on free loopback ports, and what a machine may lack for it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from agents.local.embedded import ATTEMPTS, ChildFailed, Process, child, live_brokers, own_folder
from streams.errors import DependencyDown

KAFKA = Path(__file__).resolve().parents[2] / "deploy" / "kafka"
JAVA = 17  # Kafka 4 runs on nothing older
_QUICK = "-XX:TieredStopAtLevel=1"  # the quick compiler alone: up in half the time and CPU


def lacks_for_kafka() -> str | None:
    """What this machine lacks to run a real Kafka, and what to do; None when it has all."""
    if not (KAFKA / "kafka-up").is_file():
        return f"no real Kafka: {KAFKA} is missing, this is no checkout of the project"
    java = shutil.which("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""
    version = re.search(r'version "(\d+)', said)
    if not version or int(version[1]) < JAVA:
        return f"no real Kafka: Java {JAVA} or newer is missing (Debian: apt-get install default-jre-headless)"
    if not jars().is_dir() and not shutil.which("mvn"):
        return "no real Kafka: Maven is missing, which fetches its jars (Debian: apt-get install maven)"
    return None


class KafkaCluster:
    """An Apache Kafka of `brokers` nodes, numbered from 1, in a temporary folder; replication 3 with 3 nodes.

    A context manager for the main thread: all nodes run at its start; they are killed at its end or with this process.
    Raises DependencyDown when this machine cannot run it.
    """

    def __init__(self, brokers: int = 1, *, lasting: bool = False, environ: Mapping[str, str] | None = None) -> None:
        """`lasting` is for measuring: the slower compiler, whose code is faster once it is warm. `environ`: see `kafka-up`."""
        self.brokers = brokers
        self._environ = {**os.environ, **(environ or {})}
        if not lasting:
            self._environ["KAFKA_OPTS"] = f"{_QUICK} {os.environ.get('KAFKA_OPTS', '')}"
        self._stack = contextlib.ExitStack()
        self._nodes: dict[int, tuple[Process, contextlib.ExitStack]] = {}

    def __enter__(self) -> Self:
        if lack := lacks_for_kafka():
            raise DependencyDown(lack)
        # with its own words on our stderr: the first time it fetches the jars
        fetched = subprocess.run(
            [KAFKA / "kafka-up", "-j"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
        )
        if fetched.returncode:
            raise DependencyDown("no real Kafka: its jars could not be fetched, see above")
        for attempt in range(1, ATTEMPTS + 1):
            with contextlib.ExitStack() as unless_up:
                unless_up.callback(self._stack.close)
                try:
                    self._first_start()
                except ChildFailed:  # a port was snatched away: the next folder gets others
                    if attempt == ATTEMPTS:
                        raise
                    continue
                unless_up.pop_all()
                break
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def bootstrap(self) -> str:
        """ "host:port,..." of all nodes, up or down."""
        first = int(self._decided("port"))
        return ",".join(f"127.0.0.1:{first + i}" for i in range(self.brokers))

    def pid(self, node: int) -> int:
        """The process of a node that is up, for signals such as SIGSTOP."""
        return self._nodes[node][0].pid

    def signal(self, node: int, number: signal.Signals) -> None:
        """Sends a signal to a node that is up."""
        self._nodes[node][0].send_signal(number)

    def runs(self, node: int) -> bool:
        """Is the node's process there? It may still be starting."""
        return node in self._nodes and self._nodes[node][0].poll() is None

    def answers(self, node: int) -> bool:
        """Does the node answer, and know all the others?"""
        return self._knows(node) == self.brokers

    def log(self, node: int) -> Path:
        """What a node said."""
        return self.folder / f"node-{node}" / "broker.log"

    def start(self, node: int, *, wait: bool = True) -> None:
        """Starts a node that is down; returns when it answers, or without `wait` at once."""
        self._launch(node, (lambda _: self._knows(node) > 0) if wait else None)

    def stop(self, node: int, *, orderly: bool = False) -> None:
        """Ends a node as a crash would, or `orderly` with SIGTERM; its data stays for the next start."""
        process, stack = self._nodes.pop(node)
        process.send_signal(signal.SIGTERM if orderly else signal.SIGKILL)
        process.wait(60)
        stack.close()

    def _first_start(self) -> None:
        self.folder = self._stack.enter_context(own_folder())
        self._nodes.clear()

        def ready(_: Process) -> bool:
            for node, (process, _stack) in self._nodes.items():
                if process.poll() is not None:
                    raise ChildFailed(f"Kafka's node {node} ended with code {process.returncode} at its start")
            return all(self.answers(node) for node in range(1, self.brokers + 1))

        for node in range(1, self.brokers):
            self._launch(node, None)
        self._launch(self.brokers, ready)

    def _launch(self, node: int, ready: Callable[[Process], bool] | None) -> None:
        self.log(node).parent.mkdir(exist_ok=True)
        up = [str(KAFKA / "kafka-up"), "-f", "-d", str(self.folder), "-n", str(self.brokers), "-i", str(node)]
        stack = self._stack.enter_context(contextlib.ExitStack())
        process = stack.enter_context(child(up, ready, log=self.log(node), env=self._environ, start_s=90, stop_s=0))
        self._nodes[node] = process, stack

    def _knows(self, node: int) -> int:
        """How many live nodes this one knows; 0 while it is starting."""
        if not (self.folder / "cluster").exists():
            return 0
        return live_brokers(int(self._decided("port")) + node - 1, self._decided("id"))

    def _decided(self, name: str) -> str:
        line = re.search(rf"\b{name}=(\S+)", (self.folder / "cluster").read_text())
        return line[1] if line else ""


def jars() -> Path:
    """Where the broker's jars are, or will be once Maven has fetched them."""
    return Path(os.environ.get("KAFKA_JARS") or KAFKA / "jars")
