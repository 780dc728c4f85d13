"""Several workers share the partitions of one group."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable

from streams.sources import Shape, Synthetic
from tests.integration.stack import Stack


def test_a_second_worker_takes_half_and_one_that_leaves_ends_well(stack: Callable[..., Stack]) -> None:
    """Who joins takes half of the partitions; who leaves on SIGTERM exits 0 within 10 s, and the rest is taken over."""
    clout = stack(partitions=4)
    users = Synthetic(seed=3, users=200, shape=Shape().clean(), limit=400, clock=lambda: int(time.time() * 1000))
    with clout.worker() as first:
        with clout.worker() as second:
            _until(lambda: _held(first) == {0, 1} or len(_held(first)) == 2)
            assert len(_held(second)) == 2
            assert _held(first) | _held(second) == {0, 1, 2, 3}
            clout.feed(users)
            clout.settled(400)
            began = time.monotonic()
            second.send_signal(signal.SIGTERM)
            assert second.wait(10) == 0
            assert time.monotonic() - began < 10
        _until(lambda: _held(first) == {0, 1, 2, 3})
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0


def _held(worker: object) -> set[int]:
    """What a worker says it took last."""
    taken = re.findall(r"took partitions=\[(.*?)\]", worker.log.read_text())  # type: ignore[attr-defined]
    return {int(number) for number in taken[-1].split(", ") if number} if taken else set()


def _until(true: Callable[[], bool], patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
