"""Several workers share the partitions of one group."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer

from streams.sources import Shape, Synthetic
from tests.integration.stack import Stack
from tests.integration.test_restart import until


def test_a_second_worker_takes_half_and_one_that_leaves_ends_well(stack: Callable[..., Stack]) -> None:
    """Who joins takes half of the partitions; who leaves on SIGTERM exits 0 within 10 s, and the rest is taken over."""
    clout = stack(partitions=4)
    users = Synthetic(seed=3, users=200, shape=Shape().clean(), limit=400, clock=lambda: int(time.time() * 1000))
    with clout.worker() as first:
        with clout.worker() as second:
            until(lambda: held(first) == {0, 1} or len(held(first)) == 2)
            assert len(held(second)) == 2
            assert held(first) | held(second) == {0, 1, 2, 3}
            clout.feed(users)
            clout.settled(400)
            began = time.monotonic()
            second.send_signal(signal.SIGTERM)
            assert second.wait(60) == 0
            assert time.monotonic() - began < 10
        until(lambda: held(first) == {0, 1, 2, 3})
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0


def test_a_stranger_in_the_group(stack: Callable[..., Stack]) -> None:
    """A worker that its group does not let in, here because another program is in it, ends and says so."""
    clout = stack(partitions=1)
    settings = clout.settings

    async def beside_a_stranger() -> str:
        stranger = AIOKafkaConsumer(
            settings.topic("likes"), bootstrap_servers=settings.kafka.split(","), group_id=settings.app
        )
        await stranger.start()
        try:
            return clout.refused()
        finally:
            await stranger.stop()

    said = asyncio.run(beside_a_stranger())
    assert f"the group {settings.app} refuses this worker" in said
    assert "CLOUT_APP" in said


def held(worker: object) -> set[int]:
    """What a worker says it took last."""
    taken = re.findall(r"took partitions=\[(.*?)\]", worker.log.read_text())  # type: ignore[attr-defined]
    return {int(number) for number in taken[-1].split(", ") if number} if taken else set()
