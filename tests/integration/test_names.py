"""A worker with a name comes back to its partitions, and nobody else notices."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

import pytest

from agents.local.embedded import Process
from tests.integration.stack import Stack
from tests.integration.test_group import held
from tests.integration.test_restart import exact, history, until


@pytest.fixture
def clout(stack: Callable[..., Stack]) -> Stack:
    """Four partitions; the session outlasts a restart on a slow machine."""
    return stack(model="plain", clock="stream", session_timeout_s=20)


def rebalances(worker: Process) -> int:
    """How often it let go or took over so far."""
    said = worker.log.read_text()  # type: ignore[attr-defined]
    return said.count("let go of partitions=") + said.count("took partitions=")


@contextlib.contextmanager
def undisturbed(worker: Process) -> Iterator[None]:
    """While the block lasts the worker neither lets go nor takes over."""
    before = rebalances(worker)
    yield
    assert rebalances(worker) == before
    assert worker.poll() is None


def test_a_restart_under_the_same_name(clout: Stack) -> None:
    """It gets its partitions back, also on another machine; the other one goes on undisturbed, and counts are exact."""
    events = history(15_000, seed=21)
    with clout.worker(CLOUT_NAME="one") as other, clout.worker(CLOUT_NAME="two") as first:
        until(lambda: len(held(other)) == 2 == len(held(first)))
        clout.feed(events[:3_000])
        with undisturbed(other):
            first.send_signal(signal.SIGTERM)
            assert first.wait(60) == 0
            clout.feed(events[3_000:6_000])
            with clout.worker(CLOUT_NAME="two") as second:
                clout.feed(events[6_000:9_000])
                clout.settled(9_000)
                assert held(second) == held(first)
                second.send_signal(signal.SIGKILL)
                assert second.wait(60) == -signal.SIGKILL
                clout.feed(events[9_000:12_000])
                with clout.worker(CLOUT_NAME="two", CLOUT_FAUST_WEB_HOST="elsewhere") as third:
                    clout.feed(events[12_000:])
                    clout.settled(len(events))
                    assert held(third) == held(first)
        exact(clout, events)


def test_two_with_the_same_name(clout: Stack) -> None:
    """The older one ends and says why; the newer one has its partitions, the others notice nothing, and counts are exact."""
    events = history(6_000, seed=22)
    with clout.worker(CLOUT_NAME="one") as other, clout.worker(CLOUT_NAME="two") as older:
        until(lambda: len(held(other)) == 2 == len(held(older)))
        clout.feed(events[:3_000])
        with undisturbed(other), clout.worker(CLOUT_NAME="two") as newer:
            clout.feed(events[3_000:])
            assert older.wait(60) == 1
            clout.settled(len(events))
            assert held(newer) == held(older)
        assert "with the same CLOUT_NAME" in older.log.read_text()  # type: ignore[attr-defined]
        exact(clout, events)


def test_two_with_the_same_name_and_nothing_to_do(stack: Callable[..., Stack]) -> None:
    """One more than there are partitions writes nothing, so no commit tells it: it hears from the group, and ends."""
    clout = stack(partitions=1, session_timeout_s=20)
    with clout.worker(), clout.worker(CLOUT_NAME="spare") as older:
        assert held(older) == set()
        with clout.worker(CLOUT_NAME="spare") as newer:
            assert older.wait(60) == 1
            assert newer.poll() is None
        assert "the group no longer knows this worker as spare" in older.log.read_text()  # type: ignore[attr-defined]
