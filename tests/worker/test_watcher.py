"""The watcher: a thread that ends a worker that does not get on, and its heartbeat."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable

import pytest

from agents.worker import health as module
from agents.worker.health import Health, Watcher
from streams.errors import Stalled
from streams.partition.liveness import FOLDING, MAIN_LOOP, PARTITION, Standing
from tests.servers import ROOT

STALL_S = 10
PATIENCE_S = 20.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def looks(watcher: Watcher, health: Health, clock: Clock, seconds: int, *, beat: bool = True) -> None:
    """Look for some seconds."""
    for _ in range(seconds):
        clock.now_s += 1
        if beat:
            health.beat([Standing(1, FOLDING, True, 5)])
        watcher.look()


@pytest.mark.parametrize(("beat", "rule"), [(True, PARTITION), (False, MAIN_LOOP)])
def test_a_worker_that_is_not_live_ends(beat: bool, rule: str) -> None:
    """When a rule is broken the process is ended with a message that names it; before that, not."""
    health, clock, ended = Health(), Clock(), []
    watcher = Watcher(health, health.beat, STALL_S, ended.append, clock)
    looks(watcher, health, clock, 1)
    looks(watcher, health, clock, STALL_S - 1, beat=beat)
    assert ended == []
    assert health.verdict.live
    looks(watcher, health, clock, 1, beat=beat)
    assert not health.verdict.live
    assert isinstance(ended[0], Stalled)
    assert f"Rule: {rule}." in str(ended[0])
    # where a blocked main loop is blocked
    assert ("most recent call last" in str(getattr(ended[0], "__notes__", ""))) == (rule == MAIN_LOOP)


def test_a_process_that_was_stopped_is_not_ended_at_its_wake_up() -> None:
    """After an hour without a look the worker has its full patience."""
    health, clock, ended = Health(), Clock(), []
    watcher = Watcher(health, health.beat, STALL_S, ended.append, clock)
    looks(watcher, health, clock, STALL_S)
    clock.now_s += 3_600
    looks(watcher, health, clock, STALL_S)
    assert ended == []
    looks(watcher, health, clock, 1)
    assert len(ended) == 1


def until(what: Callable[[], bool]) -> None:
    """Wait in real time."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and beats a hundred times a second."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "BEAT_S", 0.005)


@pytest.mark.usefixtures("_quick")
def test_the_thread_looks_while_the_main_loop_is_blocked() -> None:
    """A loop that is busy for ever is noticed by the thread beside it; with `stop` the thread ends."""
    ended = threading.Event()

    async def story() -> None:
        health = Health()
        watcher = Watcher(health, health.beat, 0.5, lambda _: ended.set())
        watcher.start()
        await asyncio.sleep(0.05)
        assert health.beats > 1
        assert not ended.is_set()
        until(ended.is_set)  # without a turn for anybody else
        assert health.verdict.rule == MAIN_LOOP
        watcher.stop()

    asyncio.run(story())
    until(lambda: all(thread.name != "health" for thread in threading.enumerate()))


@pytest.mark.usefixtures("_quick")
def test_a_heartbeat_that_fails_ends_the_worker() -> None:
    """An error in what is asked of the worker must not leave it without a watcher."""

    async def story() -> None:
        ended: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        health = Health()

        def beat() -> None:
            if broken:
                raise ZeroDivisionError
            health.beat()

        broken = False
        watcher = Watcher(health, beat, STALL_S, ended.set_result)
        watcher.start()
        await asyncio.sleep(0.02)
        broken = True
        assert isinstance(await asyncio.wait_for(ended, PATIENCE_S), ZeroDivisionError)
        watcher.stop()

    asyncio.run(story())


@pytest.mark.usefixtures("_quick")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_fails_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose watching thread has ended is ended by its own heartbeat."""

    async def story() -> None:
        ended: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        watcher = Watcher(Health(), lambda: None, STALL_S, ended.set_result)
        monkeypatch.setattr(watcher, "look", lambda: 1 / 0)
        watcher.start()
        assert "nobody watches" in str(await asyncio.wait_for(ended, PATIENCE_S))
        watcher.stop()

    asyncio.run(story())


def test_the_exit_says_why_in_one_line_and_gives_1() -> None:
    """The real exit: code 1, the reason in words, where the loop was blocked, no traceback of the watcher itself."""
    script = """
        import asyncio, time
        from agents.worker import health
        from agents.worker.ending import die
        health.LOOK_S, health.BEAT_S = 0.01, 0.005

        async def main():
            health.Watcher(said := health.Health(), said.beat, 0.2, die).start()
            await asyncio.sleep(0.05)
            time.sleep(60)

        asyncio.run(main())
    """
    argv = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("clout worker ends: the main loop has not run for ")
    assert "in main" in done.stderr


def test_a_full_pipe_does_not_keep_a_worker() -> None:
    """A main loop that is blocked in a write to stderr, which nobody reads, ends with code 1 as any other does."""
    script = """
        import asyncio, sys
        from agents.worker import ending, health
        health.LOOK_S, health.BEAT_S, ending.LAST_WORD_S = 0.01, 0.005, 0.2

        async def main():
            health.Watcher(said := health.Health(), said.beat, 0.2, ending.die).start()
            await asyncio.sleep(0.05)
            while True:
                print("x" * 1000, file=sys.stderr)

        asyncio.run(main())
    """
    argv = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE) as process:
        try:
            assert process.wait(PATIENCE_S) == 1
        finally:
            process.kill()
