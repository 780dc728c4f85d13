"""Loads that run in processes of their own: a plan goes in as JSON, a result comes out as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import IO, Any

Result = dict[str, Any]


@dataclass(frozen=True)
class Apart:
    """A load under way."""

    process: subprocess.Popen[str]

    def ready(self) -> Result:
        """Wait for what it says first."""
        told: Result = json.loads(_of(self.process.stdout).readline())
        return told

    def result(self) -> Result:
        """Have it end, and wait for what it says last."""
        told, _ = self.process.communicate()
        found: Result = json.loads(told)
        return found


def _of(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("it was started without pipes")
    return pipe


@contextlib.contextmanager
def apart(module: str, plan: Result) -> Iterator[Apart]:
    """Run a module of this folder while the block lasts; it is to end when its input does."""
    argv = [sys.executable, "-m", f"agents.proof.bench.{module}"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            _of(process.stdin).write(json.dumps(plan) + "\n")
            _of(process.stdin).flush()
            yield Apart(process)
        finally:
            process.kill()  # nothing, if it has ended


def main(load: Callable[[Result], Coroutine[Any, Any, Result]]) -> None:
    """What such a module does."""
    plan = json.loads(sys.stdin.readline())
    with contextlib.suppress(ImportError):
        import uvloop  # the extra `fast`: the load is not to be what is slow

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    say(asyncio.run(load(plan)))


def say(told: Result) -> None:
    """One line to who has started this."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def over() -> None:
    """Return when who has started this wants the end."""
    await asyncio.to_thread(sys.stdin.read)
