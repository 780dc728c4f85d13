"""A parent with tiny children for the tests: what it says, what it is told, and who is left when it is gone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.servers import ROOT

PATIENCE_S = 30.0

_PARENT = """
import json, sys
from agents.worker.parent import Parent

def pause(ends):
    print("pause", ends, flush=True)
    return later

python, codes, later, options = json.loads(sys.argv[1])
sys.exit(Parent([[python, "-c", code] for code in codes], pause=pause, **options).run())
"""

#: says that it is up, tells each signal, ends with `code` after SIGTERM, and ends with its parent
CHILD = """
import os, signal, sys, time
from agents.worker.child import end_with_parent

def told(number, _):
    print("told", number, flush=True)
    if number == signal.SIGTERM:
        time.sleep(0.3)
        sys.exit({code})

for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, told)
end_with_parent()
print("up", os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


def child(code: int = 0) -> str:
    """A child that lives until it is told."""
    return CHILD.format(code=code)


class Family:
    """A running parent; everything it writes is in one file."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def lines(self) -> list[str]:
        """What was said so far."""
        return self._log.read_text().splitlines()

    def pids(self, number: int) -> list[int]:
        """The processes that came up at this place so far."""
        return [int(line.split()[-1]) for line in self.lines if line.startswith(f"{number} | up ")]

    def up(self, number: int, times: int = 1) -> int:
        """Wait until a process came up there for the n-th time; its id."""
        until(lambda: len(self.pids(number)) >= times)
        return self.pids(number)[times - 1]

    def says(self, pattern: str) -> str:
        """Wait for a line that holds this, and return it."""
        found: list[str] = []
        until(lambda: bool(found.extend(line for line in self.lines if re.search(pattern, line)) or found))
        return found[0]

    def count(self, text: str) -> int:
        """How many lines are this."""
        return self.lines.count(text)

    def ends(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def family(
    folder: Path,
    codes: Sequence[str],
    later_s: float = 0.0,
    *,
    python: str = sys.executable,
    stderr: int | None = None,
    **options: Any,
) -> Iterator[Family]:
    """A parent of children that run this code, with this pause before each restart; at the end whoever is left is killed."""
    log = folder / "log"
    argv = [sys.executable, "-c", _PARENT, json.dumps([python, codes, later_s, options])]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("ab") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=stderr or output, env=env, start_new_session=True)
    parent = Family(process, log)
    try:
        yield parent
    except BaseException:
        sys.stderr.write(log.read_text()[-4000:])
        raise
    finally:
        process.kill()
        process.wait()
        for pid in (int(found) for found in re.findall(r" up (\d+)$", log.read_text(), re.MULTILINE)):
            with contextlib.suppress(OSError):
                if os.getsid(pid) == process.pid:  # a test has failed: nobody else ends it
                    os.kill(pid, signal.SIGKILL)


def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Is there no such process, or only its shell, which nobody has waited for?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
