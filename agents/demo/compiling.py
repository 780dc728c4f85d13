"""Compiling the core before a demo's story begins: only the first demo of a version has to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from agents.local import embedded
from agents.worker import warm
from streams.fold import folder

_LOOK_S, _TELL_S = 0.1, 3.0


def compiled(say: Callable[[str], None]) -> None:
    """Compile in processes of their own, and say meanwhile how far they are.

    Where they fail, or nothing can be kept, the worker compiles for itself, and says so in its log.
    """
    if warm.done() or folder.folder() is None:
        return
    say("compiling the core, once")
    with embedded.own_folder() as own:
        log = own / "compiling.log"
        argv = [sys.executable, "-m", "agents.worker.warm", "all"]
        with embedded.child(argv, log=log, env=warm.environment()) as process:
            _wait(process, log, say)


def _wait(process: embedded.Process, log: Path, say: Callable[[str], None]) -> None:
    tell_s, told = time.monotonic(), ""
    while process.poll() is None:
        line = _last_line(log)
        if line != told and time.monotonic() >= tell_s:
            tell_s, told = time.monotonic() + _TELL_S, line
            say(f"compiling the core, once: {line}")
        time.sleep(_LOOK_S)
    if process.returncode:
        say(f"the worker compiles for itself: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it begins"
