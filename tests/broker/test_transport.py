"""The consumer thread, when the worker is stopped under its hands; what Faust gets of a fetch."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from faust.types import TP

from streams.broker.damaged import readable
from streams.broker.fetching import ConsumerThread
from streams.broker.transport import Consumer, by_agent
from streams.partition.block import Block

LIKES, SHARES = TP("likes", 0), TP("shares", 0)


class Record(NamedTuple):
    offset: int
    key: bytes | None = None
    value: bytes | None = b"{}"
    headers: tuple[Any, ...] = ()


class Stamped(NamedTuple):
    offset: int
    timestamp: int = 5_000
    timestamp_type: int = 0


class Fetcher:
    """Has these batches of so many records each for whoever asks; `meanwhile` happens in another thread at each question."""

    def __init__(self, positions: dict[TP, int], batches: list[int], meanwhile: Callable[[], None]) -> None:
        self._records: dict[TP, Any] = {LIKES: None}
        self._positions, self._batches, self._meanwhile = positions, batches, meanwhile
        self.broken: list[TP] = []

    async def fetched_records(self, mine: list[TP], *, max_records: int, **_: Any) -> dict[TP, list[list[Record]]]:
        """As aiokafka does: nothing is kept of what was read to its end, nor of a fetch's error once it was raised."""
        if mine != [LIKES] or not self._batches:
            if mine != [LIKES]:  # likes has a damaged batch, which is fetched again
                self._records.pop(mine[0])
            raise TopicAuthorizationFailedError
        self._meanwhile()
        given, self._batches = self._batches[:max_records], self._batches[max_records:]
        found = []
        for size in given:
            first = self._positions[LIKES]
            found.append([Record(first + n) for n in range(size)])
            self._positions[LIKES] += size
        if not self._batches and LIKES not in self.broken:
            del self._records[LIKES]
        return {LIKES: found} if found else {}


def thread(handed: dict[TP, int]) -> ConsumerThread:
    """A thread of epoch 1 without a client."""
    made = object.__new__(ConsumerThread)
    made.epoch, made.handed, made.seen = 1, dict(handed), dict(handed)
    made.stable, made.ends = {}, {}
    made.out, made.folded = {tp: deque() for tp in handed}, {}
    made.app = SimpleNamespace(settings=SimpleNamespace(block_records=100))
    return made


def drained(
    made: ConsumerThread, meanwhile: Callable[[], None] = lambda: None, batches: Sequence[int] = (3,)
) -> dict[TP, list[Block]]:
    """One look at the fetched batches, from position 7."""
    positions = {LIKES: 7}
    assignment = SimpleNamespace(state_value=lambda tp: SimpleNamespace(_position=positions[tp], lso=None))
    return asyncio.run(made._drain(Fetcher(positions, list(batches), meanwhile), assignment, [LIKES]))


def test_a_block_says_from_where_to_where() -> None:
    """What one look finds is one block that moves the position."""
    (found,) = drained(thread({LIKES: 7}))[LIKES]
    assert found._replace(records=[*found.records]) == Block("likes", 0, 7, 10, 1, [Record(7), Record(8), Record(9)])


@pytest.mark.parametrize(
    ("batches", "blocks"),
    [
        ([250], [100, 100, 50]),
        ([1] * 300, [100]),
        ([30] * 20, [100, 20]),
        ([1, 150, 1], [100, 52]),
        ([1] + [1_000] * 9, [100] * 20 + [1]),  # one small batch says little about those behind it
    ],
)
def test_about_as_many_records_as_a_block_may_hold(batches: list[int], blocks: list[int]) -> None:
    """Whole batches are read until there are enough; what is more than a block becomes several, without a hole."""
    found = drained(thread({LIKES: 7}), batches=batches)[LIKES]
    assert [len(block.records) for block in found] == blocks
    assert [block.before for block in found] == [7, *(block.after for block in found[:-1])]
    assert all(block.records[0].offset == block.before for block in found)
    assert found[-1].after == 7 + sum(blocks)


def test_what_came_before_an_error_is_handed_out_first() -> None:
    """An error of a partition behind its first batches, or of another partition, comes with the next look."""
    for broken, mine in (([LIKES], [LIKES]), ([SHARES], [LIKES, SHARES])):
        made, positions = thread({LIKES: 7, SHARES: 0}), {LIKES: 7, SHARES: 0}
        state = SimpleNamespace(state_value=lambda tp: SimpleNamespace(_position=positions[tp], lso=None))  # noqa: B023
        fetcher = Fetcher(positions, [3], lambda: None)
        fetcher.broken = broken
        fetcher._records |= dict.fromkeys(broken)
        [found] = asyncio.run(made._drain(fetcher, state, mine)).values()
        assert [(block.before, block.after) for block in found] == [(7, 10)]
        with pytest.raises(TopicAuthorizationFailedError):
            asyncio.run(made._drain(fetcher, state, mine))


class Damaged:
    """A batch that tears in the middle."""

    base_offset, max_timestamp = 100, 0

    def __init__(self, good: int) -> None:
        self._good = good

    def __iter__(self) -> Iterator[Record]:
        yield from (Record(100 + n) for n in range(self._good))
        raise OSError("torn")


def test_damage_is_never_left_out() -> None:
    """Whatever was handed out of a batch before it was damaged, the rest becomes one record at or behind the position."""
    assert [r.offset for r in readable([Damaged(0)], 100)] == [100]
    assert [r.offset for r in readable([Damaged(3)], 100)] == [100, 101, 102, 103]
    assert readable([Damaged(0)], 105)[-1].offset == 105
    assert readable([Damaged(3)], 102)[-1].offset == 103


def test_a_fetch_is_one_message_an_agent() -> None:
    """With all blocks of its topics, in the name of the first partition among them; those of a partition keep their order."""
    packs = TP("engagements", 1)
    found = {
        tp: [Block(*tp, before, before + 1, 1, [Record(before)]) for before in (5, 6)] for tp in (LIKES, packs, SHARES)
    }
    messages = by_agent(found, {"likes": "actions", "shares": "actions", "engagements": "scoring"})
    assert messages == {LIKES: [found[LIKES] + found[SHARES]], packs: [found[packs]]}
    assert by_agent({}, {}) == {}


def test_what_is_read_again_is_not_dropped() -> None:
    """Offsets of messages rise whatever their blocks hold: Faust drops a message whose offset falls."""
    consumer = object.__new__(Consumer)
    consumer._number = itertools.count(1)
    consumer.app = SimpleNamespace(consumer_generation_id=3)
    first, again = (consumer._to_message(LIKES, [Block(*LIKES, 7, 8, epoch, [Stamped(7)])]) for epoch in (1, 2))
    assert first.offset < again.offset
    assert (again.tp, again.generation_id, again.value[0].epoch) == (LIKES, 3, 2)


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


def test_what_is_not_sought_is_not_fetched() -> None:
    """Surplus partitions that the group gave a draining worker: the client pauses them."""
    paused: list[TP] = []
    made = thread({})
    made.app.settings.fetch_wait_ms = 20
    client = SimpleNamespace(
        _subscription=SimpleNamespace(reassignment_in_progress=False),
        _fetcher=SimpleNamespace(),
        seek=lambda *_: None,
        assignment=lambda: frozenset({LIKES, SHARES, TP("likes", 4)}),
        pause=lambda *tps: paused.extend(tps),
    )
    made._ensure_consumer = lambda: client  # type: ignore[method-assign]
    assert asyncio.run(made.seek_blocks({LIKES: 7, SHARES: 0}, 1))
    assert paused == [TP("likes", 4)]


def test_a_client_that_cannot_close_ends_all_the_same() -> None:
    """The cancellation that aiokafka passes on while a broker is away does not keep the worker from ending."""

    async def stop() -> None:
        raise asyncio.CancelledError

    made = thread({})
    made._method_queue = None
    made._consumer = SimpleNamespace(stop=stop)
    asyncio.run(made.on_thread_stop())
