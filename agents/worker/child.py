"""One of several processes under a parent, from both sides: how the parent starts and hears it, and how it ends with the parent.

`python -m agents.cli.as_child worker ...` is `clout worker ...` as such a process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, cast

_LETTING_GO_S = 15.0
_LONGEST_BYTES = 65_536


class Child:
    """A place for one process after the other; the number stays, and so does what the parent knows of their ends."""

    def __init__(self, number: int, argv: Sequence[str], label: str) -> None:
        self.number = number
        self.process: subprocess.Popen[bytes] | None = None
        self.began_s = 0.0
        self.again_s = 0.0  #: when to start one, if there is none
        self.ends = 0  #: in a row, of processes that did not live long
        self.fails = 0  #: those of them with an exit code
        self._argv, self._label = argv, label.encode()
        self._rest = b""  # of a line that is not yet whole

    def start(self, env: Mapping[str, str] | None) -> IO[bytes]:
        """Start a process; returns the pipe with both its output streams, which never blocks. Raises OSError."""
        self.began_s = time.monotonic()
        self.process = subprocess.Popen(
            self._argv,
            bufsize=0,
            stdin=subprocess.PIPE,  # nothing is written to it: see `end_with_parent`
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            process_group=0,  # Ctrl-C is for the parent
        )
        said = cast(IO[bytes], self.process.stdout)
        os.set_blocking(said.fileno(), False)
        return said

    def lines(self, said: bytes) -> bytes:
        """The lines that are whole now, each with the label before it; the rest is kept, up to 64 kB."""
        *whole, self._rest = (self._rest + said).split(b"\n")
        if len(self._rest) >= _LONGEST_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        return b"".join(self._label + line + b"\n" for line in whole)

    def close(self) -> bytes:
        """The process has ended: forget it. Returns the line that it did not end, if there is one."""
        if self.process and self.process.stdin:
            self.process.stdin.close()
        self.process = None
        return self.lines(b"\n") if self._rest else b""


def end_with_parent() -> None:
    """From now on this process ends in order (SIGTERM to itself) once its stdin, a pipe of its parent, is closed.

    However the parent ended, kill -9 included: the kernel closes pipes. After 15 s without an end it exits with code 1.
    """

    def watch() -> None:
        while os.read(0, 1):
            pass
        nowhere = os.open(os.devnull, os.O_WRONLY)  # the parent read both streams: no write may fail now
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_LETTING_GO_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
