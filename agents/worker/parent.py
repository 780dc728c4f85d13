"""The parent of `clout worker --processes N`: it starts N workers, restarts what dies, and passes SIGTERM and SIGINT on.

It imports neither Faust nor numpy nor any client, waits in one `select`, and writes what its children say line by line.
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, cast

from agents.worker.child import Child
from agents.worker.speaker import Speaker

USAGE = 2  # the exit code of a child that could only fail again, unless it has worked before
SETTLED_S = 60.0  # a process that has lived so long works
TRIES = 3
ENDING_S = 30.0  # what has not ended so long after SIGTERM is stopped or blocked
BOUNCE_S = 1.0  # `timeout` and some terminals send a signal twice: that is not yet a second wish


def pause_s(ends: int) -> float:
    """Seconds before a process is started that has ended so many times in a row without living for a minute: 1, 2, 4 ... 30."""
    return min(2.0 ** min(ends - 1, 5), 30.0)


class Parent:
    """Runs one process for each of `argvs`; both output streams of the k-th reach our stderr as lines that begin with `k | `.

    A process that ends by itself is started again after `pause(ends in a row)`, whatever its exit code: whoever sends SIGTERM
    to one of them restarts it. Only before any has lived for a minute two things end all of them in order: exit code 2 of one,
    and exit codes other than 0 of all, three times in a row. SIGTERM and SIGINT to the parent are sent to each child once, as
    SIGTERM; the same again after a second kills them with -9, and so do 30 s without an end.
    """

    def __init__(
        self,
        argvs: Sequence[Sequence[str]],
        env: Mapping[str, str] | None = None,
        *,
        pause: Callable[[int], float] = pause_s,
        settled_s: float = SETTLED_S,
        ending_s: float = ENDING_S,
        bounce_s: float = BOUNCE_S,
    ) -> None:
        width = len(str(len(argvs)))
        self._children = [Child(number, argv, f"{number:{width}} | ") for number, argv in enumerate(argvs, 1)]
        self._env, self._pause = env, pause
        self._settled_s, self._ending_s, self._bounce_s = settled_s, ending_s, bounce_s
        self._settled = False  #: has any process ever lived for a minute?
        self._stopped_s: float | None = None
        self._kill_s = 0.0  #: when to kill, once stopped
        self._code = 0

    def run(self) -> int:
        """Until all have ended: 0, or the worst exit code of those that did not end well (1 for a kill). In the main thread."""
        speaker = Speaker(sys.stderr.fileno())
        self._write = speaker.say
        with contextlib.closing(speaker), selectors.DefaultSelector() as self._selector, self._listening():
            for child in self._children:
                self._start(child)
            while self._stopped_s is None or any(child.process for child in self._children):
                for key, _ in self._selector.select(self._timeout_s()):
                    key.data()
                for child in self._children:
                    if child.process and child.process.poll() is not None:
                        self._ended(child, child.process)
                    elif not child.process and self._stopped_s is None and child.again_s <= time.monotonic():
                        self._start(child)
                if self._stopped_s is not None and self._kill_s <= time.monotonic():
                    self._kill(f"{self._ending_s:.0f} s have passed")
        return self._code

    def _timeout_s(self) -> float | None:
        """Until the next start or the kill; None when only a child or a signal can bring news."""
        starts = [child.again_s for child in self._children if not child.process]
        due = starts if self._stopped_s is None else [self._kill_s]
        return max(0.0, min(due) - time.monotonic()) if due else None

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Signals wake the `select`: handlers do nothing, the interpreter writes their numbers into a socket."""
        here, there = socket.socketpair()
        with here, there:
            there.setblocking(False)
            signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, lambda *_: None)
            self._selector.register(here, selectors.EVENT_READ, lambda: self._heard(here.recv(4096)))
            try:
                yield
            finally:
                signal.set_wakeup_fd(-1)

    def _heard(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGCHLD:
                continue
            name = signal.Signals(number).name
            if self._stopped_s is None:
                self._say(f"{name}: all processes are ended in order; once more kills them")
                self._stop(0)
            elif time.monotonic() - self._stopped_s > self._bounce_s:
                self._kill(f"{name} again")

    def _stop(self, code: int) -> None:
        self._stopped_s, self._code = time.monotonic(), code
        self._kill_s = self._stopped_s + self._ending_s
        for child in self._children:
            if child.process:
                child.process.send_signal(signal.SIGTERM)

    def _kill(self, why: str) -> None:
        self._say(f"{why}: what has not ended is killed")
        self._kill_s = time.monotonic() + self._ending_s
        for child in self._children:
            if child.process:
                child.process.kill()

    def _start(self, child: Child) -> None:
        try:
            said = child.start(self._env)
        except OSError as error:  # no memory, no process to be had: that passes
            self._again(child, f"could not be started ({error})")
            return
        self._selector.register(said, selectors.EVENT_READ, lambda: self._hear(child, said))
        if child.ends and child.process:
            self._say(f"process {child.number} starts again: pid {child.process.pid}")

    def _hear(self, child: Child, said: IO[bytes]) -> bool:
        """Hand on what was said since the last time. Was there anything?"""
        read: bytes | None = said.read(65_536)
        if read:
            self._write(child.lines(read))
        elif read is not None:  # all ends of the pipe are closed
            self._close(said)
        return bool(read)

    def _close(self, said: IO[bytes]) -> None:
        self._selector.unregister(said)
        said.close()

    def _ended(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        said = cast(IO[bytes], process.stdout)
        while not said.closed and self._hear(child, said):
            pass
        if not said.closed:  # whatever it started may still hold the other end
            self._close(said)
        self._write(child.close())
        code = process.returncode
        if self._stopped_s is not None:
            # SIGTERM kills one that was still starting
            self._code = max(self._code, code if code >= 0 else 0 if code == -signal.SIGTERM else 1)
            return
        killed = f"was ended by signal {-code} ({signal.strsignal(-code)})" if code < 0 else ""
        what = killed or f"ended with exit code {code}"
        if self._lived(child):
            child.ends = child.fails = 0
            self._settled = True
        child.fails = child.fails + 1 if code > 0 else 0
        if not self._worked() and (code == USAGE or all(child.fails >= TRIES for child in self._children)):
            self._say(
                f"process {child.number} {what}, and none has worked yet: all are ended; their last lines say why"
            )
            self._stop(code)
        else:
            self._again(child, f"(pid {process.pid}) {what}")

    def _lived(self, child: Child) -> bool:
        return time.monotonic() - child.began_s >= self._settled_s

    def _worked(self) -> bool:
        return self._settled or any(child.process and self._lived(child) for child in self._children)

    def _again(self, child: Child, what: str) -> None:
        child.ends += 1
        pause = self._pause(child.ends)
        child.again_s = time.monotonic() + pause
        self._say(f"process {child.number} {what}; it starts again in {pause:.0f} s")

    def _say(self, line: str) -> None:
        self._write(line.encode() + b"\n")
