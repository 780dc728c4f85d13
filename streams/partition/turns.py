"""Which block next, for one partition number: topics are read in step with each other by event time.

What an event weighs depends on what came before it, so in a catch-up no topic may run ahead of another.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Callable

from streams.events import NEWEST_MS, event_time
from streams.partition.block import Block
from streams.partition.fetched import Fetched
from streams.topics import CONTROLS, ENGAGEMENTS, EVENTS, SOURCES

FULL = 1_000  # records worth folding without waiting for more
AHEAD_MS = 60_000  # how far in event time one topic may run ahead of another that has records waiting
MISSING_S = 5.0  # how long the others wait for a topic whose records the broker has and does not deliver

_EVENTS = tuple(topic.name for topic in (*EVENTS, CONTROLS))  # read in step, by their `ts`


class Turns:
    """The blocks at hand, by topic."""

    def __init__(
        self,
        prefix: str = "",
        more: Callable[[str], bool] = lambda _: False,
        monotonic_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`more` says of a topic whether the broker has records that were not handed out yet."""
        self._prefix, self._more, self._monotonic_s = prefix, more, monotonic_s
        self.waiting: dict[str, deque[Block]] = {topic.name: deque() for topic in SOURCES}
        self._at_hand = 0
        self._reached = dict.fromkeys(_EVENTS, 0)  # event time of what was handed out last, by event topic
        self._missing: dict[str, float] = {}  # since when the others wait for a topic

    def offer(self, block: Block) -> None:
        """A block has arrived."""
        block = block._replace(records=Fetched.of(block.records))
        self.waiting[self.base(block)].append(block)
        self._at_hand += _size(block)

    def next(self, newest_ms: int = NEWEST_MS) -> Block | None:
        """Of the blocks at hand: engagements first, then the one whose first event (not later than `newest_ms`) is oldest.

        Only its part up to a minute beyond the first event of the others is handed out. A topic that the broker has more of,
        and of which nothing is at hand, holds the others back the same way for up to MISSING_S; then None comes.
        """
        if self.waiting[ENGAGEMENTS.name]:
            return self._take(ENGAGEMENTS.name)
        queues = {name: queue for name, queue in self.waiting.items() if queue}
        if not queues:
            return None
        times = {name: _first_time(queue[0], newest_ms) for name, queue in queues.items()}
        oldest = min(times, key=times.__getitem__)
        until_ms = min([at for name, at in times.items() if name != oldest] + self._awaited()) + AHEAD_MS
        if times[oldest] > until_ms:
            return None
        first, rest = _split(self._take(oldest), until_ms)
        if rest:
            queues[oldest].appendleft(rest)
            self._at_hand += _size(rest)
        if oldest in self._reached and first.records:
            # garbage does not tell: then it is where it was
            self._reached[oldest] = event_time(_value(first, -1)) or times[oldest] or self._reached[oldest]
        return first

    def _awaited(self) -> list[int]:
        """How far those topics were read of which more is on its way and nothing is at hand."""
        found, now_s = [NEWEST_MS], self._monotonic_s()
        for name, reached_ms in self._reached.items():
            if self.waiting[name] or not self._more(name):
                self._missing.pop(name, None)
            elif now_s - self._missing.setdefault(name, now_s) < MISSING_S:
                found.append(reached_ms)
        return found

    def unfetched(self) -> bool:
        """Does the broker have records, of whatever topic, that were not handed out yet?"""
        return any(self._more(name) for name in self.waiting)

    def gather(self, newest_ms: int, most: int = FULL) -> list[Block]:
        """The next blocks, together about `most` records: folding has a fixed cost a call, so small blocks go together."""
        blocks: list[Block] = []
        size = 0
        while size < most and (block := self.next(newest_ms)):
            blocks.append(block)
            size += _size(block)
        return blocks

    def has_engagements(self) -> bool:
        """Does a pack of engagements wait?"""
        return bool(self.waiting[ENGAGEMENTS.name])

    def at_hand(self) -> int:
        """About how many records wait to be folded."""
        return self._at_hand

    def base(self, block: Block) -> str:
        """The base name of the topic that a block is of."""
        return block.topic.removeprefix(self._prefix)

    def _take(self, name: str) -> Block:
        block = self.waiting[name].popleft()
        self._at_hand -= _size(block)
        return block


def _size(block: Block) -> int:
    """About how many events a block stands for: a pack of engagements holds many."""
    return len(block.records) * (50 if block.topic.endswith(ENGAGEMENTS.name) else 1)


def _value(block: Block, i: int) -> bytes | None:
    """The value of one of its records."""
    records = Fetched.of(block.records)
    return records.values.get(range(len(records))[i])


def _first_time(block: Block, newest_ms: int) -> int:
    """Event time of the first readable event, for choosing between blocks; what cannot be read is folded at once."""
    for i in range(min(len(block.records), 8)):
        ts = event_time(_value(block, i))
        if ts is not None and ts <= newest_ms:
            return ts
    return 0


def _split(block: Block, until_ms: int) -> tuple[Block, Block | None]:
    """The part of a block up to an event time, at least one record, and the rest. Records are nearly in time order."""
    records = Fetched.of(block.records)
    last = event_time(_value(block, -1)) if len(records) else None
    if last is None or last <= until_ms:
        return block, None
    at = bisect.bisect_right(range(len(records)), until_ms, lo=1, key=lambda i: event_time(_value(block, i)) or 0)
    if at >= len(records):
        return block, None
    middle = int(records.offsets[at])
    return block._replace(after=middle, records=records[:at]), block._replace(before=middle, records=records[at:])
