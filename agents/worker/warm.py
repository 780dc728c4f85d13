"""Compiling the core before it is needed: in as many processes as there are cores, once for each machine and version.

`python -m agents.worker.warm all` does it and says how far it is. It gives a child (`python -m agents.worker.warm`) the name
of a step on its stdin and waits for `done` on its stdout, until there are no steps left. What a child needs to compile with,
some 100 MB, goes with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from agents.worker.steps import STEPS
from streams.errors import CloutError
from streams.fold import folder

_DONE = "done: "
_LAST_LINES = 5
_MOST_PROCESSES = 4
Told = Callable[[int, int], None]  # steps done, of so many


@dataclass(slots=True)
class Warmed:
    """What became of it."""

    folder: Path | None
    compiled: bool  #: False: all was there
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)  #: seconds of each


@cache
def _all() -> str:
    """What all kernels are: those of these steps. Another step, and what was complete is so no more."""
    return hashlib.sha256(Path(__file__).with_name("steps.py").read_bytes()).hexdigest()[:20]


def done() -> bool:
    """Is everything compiled? Loads no compiler."""
    return folder.kept(_all())


def ensure(say: Callable[[str], None]) -> None:
    """Return once all kernels are compiled; says so if that takes time. What fails here is compiled when it is needed."""
    if done():
        folder.used()
        return
    say("compiling the core, once: about half a minute of one core, less with more")
    try:
        warmed = warm()
    except CloutError as error:
        say(f"{error}; what is missing is compiled when it is needed")
    else:
        say(
            f"compiled the core: {warmed.seconds:.0f} s" if warmed.compiled else "another process has compiled the core"
        )
    if advice := folder.advice():
        say(advice)


def warm(told: Told | None = None, processes: int | None = None) -> Warmed:
    """Compile all kernels that are not compiled yet; of several processes that begin at once, one does it and the others wait.

    Where nothing can be kept they are compiled in this process. Raises CloutError when a step fails.
    """
    began_s = time.monotonic()
    told = told or (lambda *_: None)
    if folder.folder() is None:
        steps = _here(told)
        return Warmed(None, True, time.monotonic() - began_s, steps)
    with folder.alone():
        if done():
            return Warmed(folder.folder(), False)
        steps = _Crew(told).run(processes or cores())
        folder.keep(_all())
    return Warmed(folder.folder(), True, time.monotonic() - began_s, steps)


def cores() -> int:
    """How many processes compile side by side: one for each core that is ours; with some 170 MB each, not too many."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(ours, _MOST_PROCESSES)


def _here(told: Told) -> dict[str, float]:
    took: dict[str, float] = {}
    for name in STEPS:
        told(len(took), len(STEPS))
        took[name] = _run(name)
    return took


def _run(name: str) -> float:
    """Seconds of a step."""
    began_s = time.monotonic()
    try:
        STEPS[name]()
    except Exception as error:
        raise CloutError(f"compiling the core failed ({name}: {type(error).__name__}: {error})") from error
    return time.monotonic() - began_s


class _Crew:
    """Processes that compile side by side."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._steps: queue.SimpleQueue[str] = queue.SimpleQueue()
        for name in STEPS:
            self._steps.put(name)
        self._news: queue.SimpleQueue[tuple[str, float] | CloutError | None] = queue.SimpleQueue()

    def run(self, processes: int) -> dict[str, float]:
        """Seconds of each step. Raises CloutError when one fails."""
        took: dict[str, float] = {}
        children = [_child() for _ in range(min(processes, len(STEPS)))]
        threads = [threading.Thread(target=self._lead, args=(child,), daemon=True) for child in children]
        self._told(0, len(STEPS))
        try:
            for thread in threads:
                thread.start()
            busy = len(threads)
            while busy:
                news = self._news.get()
                if isinstance(news, CloutError):
                    raise news
                if news is None:
                    busy -= 1
                    continue
                took[news[0]] = news[1]
                self._told(len(took), len(STEPS))
        finally:
            for child in children:
                child.kill()
            for child in children:
                child.wait()
        return took

    def _lead(self, child: subprocess.Popen[str]) -> None:
        """Give a child one step after the other."""
        with contextlib.suppress(queue.Empty):
            while True:
                name = self._steps.get_nowait()
                self._news.put(_ask(child, name))
        self._news.put(None)


def _ask(child: subprocess.Popen[str], name: str) -> tuple[str, float] | CloutError:
    """Have a child do one step."""
    assert child.stdin  # noqa: S101 - a pipe, see `_child`
    assert child.stdout  # noqa: S101
    said = []
    with contextlib.suppress(OSError):  # it has ended: its last words say why
        print(name, file=child.stdin, flush=True)
    for line in child.stdout:
        if line.startswith(_DONE):
            return name, float(line.removeprefix(_DONE))
        said.append(line.strip())
    words = " | ".join(filter(None, said[-_LAST_LINES:])) or f"exit code {child.wait()}"
    return CloutError(f"compiling the core failed ({name}: {words})")


def environment() -> dict[str, str]:
    """That of a child, which finds our modules where ours are."""
    root = str(Path(__file__).parents[2])
    if root in sys.path[1:]:  # only the first is not theirs: a checkout that is the current folder
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def _child() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "agents.worker.warm"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        text=True,
        errors="replace",
    )


def _serve() -> None:
    """A child: steps from stdin until there are no more, or the parent is gone."""
    for line in sys.stdin:
        seconds = _run(line.strip())
        print(f"{_DONE}{seconds:.3f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["all"]:
            warm(lambda done, of: print(f"compiled {done} of {of}", flush=True))  # noqa: T201
        else:
            _serve()
    except (CloutError, BrokenPipeError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:  # in a terminal it is for the parent and for us
        sys.exit(130)
