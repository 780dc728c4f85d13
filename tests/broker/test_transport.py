"""The consumer thread, when the worker is stopped under its hands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.broker.block import Block
from streams.broker.transport import ConsumerThread

LIKES = TP("likes", 0)


class Fetcher:
    """Has three records for whoever asks; `meanwhile` happens in another thread while they are fetched."""

    def __init__(self, positions: dict[TP, int], meanwhile: Callable[[], None]) -> None:
        self._records: dict[TP, Any] = {}
        self._positions, self._meanwhile = positions, meanwhile

    async def fetched_records(self, mine: list[TP], **_: Any) -> dict[TP, list[str]]:
        """As aiokafka does: no partitions means all of them."""
        self._meanwhile()
        self._positions[LIKES] += 3
        return {tp: ["a", "b", "c"] for tp in mine or [LIKES]}


def thread(handed: dict[TP, int]) -> ConsumerThread:
    """A thread of epoch 1 without a client."""
    made = object.__new__(ConsumerThread)
    made.epoch, made.handed, made.seen = 1, dict(handed), dict(handed)
    made.stable = {}
    made.out, made.folded = {tp: deque() for tp in handed}, {}
    return made


def drained(made: ConsumerThread, meanwhile: Callable[[], None] = lambda: None) -> dict[TP, list[Block]]:
    """One look at the fetched records, from position 7."""
    positions = {LIKES: 7}
    assignment = SimpleNamespace(state_value=lambda tp: SimpleNamespace(_position=positions[tp], lso=None))
    return asyncio.run(made._drain(Fetcher(positions, meanwhile), assignment, [LIKES], None))


def test_a_block_says_from_where_to_where() -> None:
    """What one look finds is one block that moves the position."""
    assert drained(thread({LIKES: 7})) == {LIKES: [Block("likes", 0, 7, 10, 1, ["a", "b", "c"])]}


def test_an_epoch_that_ends_during_a_fetch() -> None:
    """The block is of the epoch in which it was fetched, and the thread goes on."""
    made = thread({LIKES: 7})
    assert drained(made, lambda: made.end_epoch(2))[LIKES][0].epoch == 1
    assert (made.handed, made.seen, made.out) == ({}, {}, {})


def test_an_epoch_that_ended_before_the_fetch() -> None:
    """Nothing is handed out, and nothing is taken from the client."""
    made = thread({LIKES: 7})
    made.end_epoch(2)
    assert drained(made, lambda: pytest.fail("asked the client")) == {}


def test_a_client_that_cannot_close_ends_all_the_same() -> None:
    """The cancellation that aiokafka passes on while a broker is away does not keep the worker from ending."""

    async def stop() -> None:
        raise asyncio.CancelledError

    made = thread({})
    made._method_queue = None
    made._consumer = SimpleNamespace(stop=stop)
    asyncio.run(made.on_thread_stop())
