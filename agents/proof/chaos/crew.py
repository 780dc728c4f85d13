"""The workers of a run: processes that are started, signalled, and restarted when they end by themselves."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from agents.local.embedded import Process, child
from streams.fold import folder
from streams.settings import Settings, variable_of

ROOT = Path(__file__).resolve().parents[3]
_LAST_WORDS = ("clout worker ends: ", "clout: ")


def argv() -> list[str]:
    """The command of a worker."""
    return [sys.executable, "-m", "agents.cli.main", "worker"]


def environ(settings: Settings) -> dict[str, str]:
    """The settings as variables, whatever this process was started with."""
    ours = {variable_of(name): str(getattr(settings, name)) for name in settings.__dataclass_fields__}
    rest = {k: value for k, value in os.environ.items() if not k.startswith("CLOUT_") or k == folder.VARIABLE}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**rest, **ours, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


class Worker:
    """A place for one worker; processes come and go."""

    def __init__(self, number: int, settings: Settings, folder: Path) -> None:
        self.number, self._folder = number, folder
        self._environ, self._log = environ(settings), folder / f"worker-{number}.log"
        self._stack = contextlib.ExitStack()
        self._process: Process | None = None
        self._log_from = 0
        self.wanted = False  #: restarted when it ends
        self.busy = False  #: a fault is at work on it

    def __str__(self) -> str:
        return f"worker {self.number}"

    @property
    def runs(self) -> bool:
        """Is a process there, frozen or not?"""
        return self._process is not None and self._process.poll() is None

    @property
    def holds(self) -> bool:
        """Has this process taken partitions over since it was started?"""
        return self.runs and b"took partitions=" in self._said()

    def start(self) -> None:
        """Start a process; returns at once."""
        self._log_from = self._log.stat().st_size if self._log.exists() else 0
        running = child(argv(), log=self._log, env=self._environ, cwd=self._folder, stop_s=0)
        self._process = self._stack.enter_context(running)
        self.wanted = True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it is there."""
        if self._process:
            self._process.send_signal(number)

    def reap(self) -> tuple[int, str]:
        """Exit code and last words of a process that has ended or is to end now."""
        code = self._process.wait(30) if self._process else 0
        self._stack.close()
        self._process = None
        return code, self.last_words()

    def last_words(self) -> str:
        """Why the process ended, as it said itself; else its last line."""
        lines = self._said().decode(errors="replace").splitlines()
        told = [line for line in lines if line.startswith(_LAST_WORDS)]
        return (told[-1] if told else lines[-1] if lines else "nothing")[:300]

    def close(self) -> None:
        """End it."""
        self._stack.close()

    def _said(self) -> bytes:
        if not self._log.exists():
            return b""
        with self._log.open("rb") as log:
            log.seek(self._log_from)
            return log.read()


class Crew:
    """Places for `most` workers, one less of them taken at the start (of one, one). A context manager for the main thread."""

    def __init__(self, settings: Settings, folder: Path, most: int, tell: Callable[[str], None]) -> None:
        self.places = [Worker(number, settings, folder) for number in range(1, most + 1)]
        self._tell = tell
        self.exits = 0  #: how often a worker ended by itself

    def __enter__(self) -> Self:
        for worker in self.places[: max(len(self.places) - 1, 1)]:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.places:
            worker.close()

    @property
    def at_work(self) -> list[Worker]:
        """Those whom no fault has in its hands."""
        return [worker for worker in self.places if worker.wanted and not worker.busy]

    @property
    def empty(self) -> list[Worker]:
        """Places without a worker."""
        return [worker for worker in self.places if not worker.wanted and not worker.busy]

    def look(self) -> None:
        """As a supervisor does: whoever ended by itself is started again."""
        for worker in self.places:
            if worker.wanted and not worker.runs:
                code, why = worker.reap()
                self.exits += 1
                self._tell(f"{worker} ended by itself with code {code} and is started again: {why}")
                worker.start()
