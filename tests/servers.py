"""An Apache Kafka of one or three brokers for the tests, on free loopback ports, and what a machine may lack for it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Self

import pytest

from agents.embedded import ATTEMPTS, ChildFailed, Process, child, live_brokers, own_folder

ROOT = Path(__file__).resolve().parent.parent
KAFKA = ROOT / "deploy" / "kafka"
JAVA = 17  # Kafka 4 runs on nothing older


def left_out(reason: str) -> NoReturn:
    """Skips the test and says why; with CI=true nothing may be left out, so there it fails."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"left out, but CI=true: {reason}", pytrace=False)
    pytest.skip(reason)


def lacks_for_kafka() -> str | None:
    """What this machine lacks to run a real Kafka, and what to do; None when it has all."""
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
    """

    def __init__(self, brokers: int = 1) -> None:
        self.brokers = brokers
        self._stack = contextlib.ExitStack()
        self._nodes: dict[int, tuple[Process, contextlib.ExitStack]] = {}

    def __enter__(self) -> Self:
        if not jars().is_dir():
            subprocess.run([KAFKA / "kafka-up", "-j"], check=True, stdin=subprocess.DEVNULL)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._first_start()
                break
            except ChildFailed:  # a port was snatched away: the next folder gets others
                self._stack.close()
                if attempt == ATTEMPTS:
                    raise
            except BaseException:
                self._stack.close()
                raise
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

    def start(self, node: int) -> None:
        """Starts a node that is down; returns when it answers."""
        self._launch(node, lambda _: self._knows(node) > 0)

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
            return all(self._knows(node) == self.brokers for node in range(1, self.brokers + 1))

        for node in range(1, self.brokers):
            self._launch(node, None)
        self._launch(self.brokers, ready)

    def _launch(self, node: int, ready: Callable[[Process], bool] | None) -> None:
        home = self.folder / f"node-{node}"
        home.mkdir(exist_ok=True)
        up = [str(KAFKA / "kafka-up"), "-f", "-d", str(self.folder), "-n", str(self.brokers), "-i", str(node)]
        stack = self._stack.enter_context(contextlib.ExitStack())
        process = stack.enter_context(child(up, ready, log=home / "broker.log", start_s=60, stop_s=0))
        self._nodes[node] = process, stack

    def _knows(self, node: int) -> int:
        """How many live nodes this one knows; 0 while it is starting."""
        if not (self.folder / "cluster").exists():
            return 0
        return live_brokers(int(self._decided("port")) + node - 1, self._decided("id"))

    def _decided(self, name: str) -> str:
        found = re.search(rf"\b{name}=(\S+)", (self.folder / "cluster").read_text())
        assert found, f"kafka-up decided on no {name}"
        return found[1]


def jars() -> Path:
    """Where the broker's jars are, or will be once Maven has fetched them."""
    return Path(os.environ.get("KAFKA_JARS") or KAFKA / "jars")
