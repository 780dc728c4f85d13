"""Workers that need not import anything: a process that has done so forks them. It is most of what their start takes.

What comes out of a fork is a process as any other, with its own memory, signals and exit code; it runs `clout worker` from its
first line on. Tests that give an `argv` of their own (`--processes`, `alerting`, ...) and all outside of this folder start
processes in the usual way.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOST_BYTES = 200_000  # of a request: the environment of a worker
WITH_OWNER = 1, signal.SIGKILL  # PR_SET_PDEATHSIG


class Forked:
    """A worker, as far as tests use `subprocess.Popen`."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, minus the signal that ended it; None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask("ended", self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has one. Raises `subprocess.TimeoutExpired`."""
        began = time.monotonic()
        while (code := self.poll()) is None:
            if timeout is not None and time.monotonic() > began + timeout:
                raise subprocess.TimeoutExpired("clout worker", timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """To a worker that runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The other end of the process that forks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def ask(self, *words: Any) -> Any:
        """Its answer."""
        with self._lock:
            self._connection.send(json.dumps(words).encode())
            return json.loads(self._connection.recv(MOST_BYTES))

    def worker(self, env: Mapping[str, str], log: Path) -> Forked:
        """A worker with this environment, in a session of its own, that writes to `log`."""
        return Forked(self, self.ask("fork", dict(env), str(log)))


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A process that forks workers while the block lasts; they end with it."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, its:
        argv = [sys.executable, "-m", "tests.integration.forked", str(its.fileno())]
        with subprocess.Popen(argv, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL) as process:
            its.close()
            try:
                yield Nursery(ours)
            finally:
                ours.close()
                process.wait()


def _forks(connection: socket.socket) -> None:
    """Answers until the other side is gone, and ends. It returns in a fork alone, which is then to be a worker."""
    while request := connection.recv(MOST_BYTES):
        word, *about = json.loads(request)
        answer: int | None = None
        if word == "ended":
            ended, status = os.waitpid(about[0], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        elif not (answer := os.fork()):
            connection.close()
            return _become(*about)
        connection.send(json.dumps(answer).encode())
    sys.exit()


def _become(env: dict[str, str], log: str) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(*WITH_OWNER, 0, 0, 0)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["clout", "worker"]


if __name__ == "__main__":
    import agents.api.serve
    import agents.cli.worker
    import agents.worker.start  # noqa: F401 - so that forks have them
    from agents.cli.main import main

    ctypes.CDLL(None).prctl(*WITH_OWNER, 0, 0, 0)
    gc.freeze()
    _forks(socket.socket(fileno=int(sys.argv[1])))
    main()
