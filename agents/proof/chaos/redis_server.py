"""A Redis that is stopped, emptied and started again, always on the same port."""

from __future__ import annotations

import contextlib
import shutil
import signal
from pathlib import Path
from typing import Self

from agents.local.embedded import Process, ask, child, free_port, valkey


class Store:
    """The redis-server of this machine, else the embedded Valkey; without persistence. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        keep_nothing = ["--save", "", "--appendonly", "no"]
        where = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._argv = [shutil.which("redis-server") or valkey(), *where, *keep_nothing]
        self._log = folder / "redis.log"
        self._stack = contextlib.ExitStack()
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """redis:// and so on."""
        return f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Start it empty; returns when it answers."""
        self._process = self._stack.enter_context(child(self._argv, self._answers, log=self._log, stop_s=0))

    def kill(self) -> None:
        """kill -9: what it held is gone."""
        self._signal(signal.SIGKILL)
        self._stack.close()

    def freeze(self) -> None:
        """Connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on as if nothing had happened."""
        self._signal(signal.SIGCONT)

    def flush(self) -> bool:
        """FLUSHALL; did it answer?"""
        return ask(self._port, b"FLUSHALL\r\n", timeout_s=5.0).startswith(b"+OK")

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _answers(self, process: Process) -> bool:
        return b"process_id:%d\r" % process.pid in ask(self._port, b"INFO server\r\n")
