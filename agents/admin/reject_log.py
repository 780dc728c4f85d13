"""Reading the topic `rejects`: rejects with what was done about them, the latest of them, and those since a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import NamedTuple

from aiokafka import TopicPartition

from streams.broker import logs as of_topic
from streams.broker.admin import Admin, Bounds
from streams.broker.scan import Scan
from streams.errors import CloutError
from streams.formats import rejects
from streams.formats.rejects import Kept, Mark
from streams.settings import Settings
from streams.topics import REJECTS

_PATIENCE_S = 60.0  # Kafka ends what a dead worker left open within half a minute
_FIRST_LOOK = 1_000  # offsets before the end
_WIDER = 8


class Found(NamedTuple):
    """A record of `rejects`, and where it is there. `what` is None when it is neither a reject nor a mark."""

    partition: int
    offset: int
    at_ms: int
    value: bytes
    what: Kept | Mark | None


class Shown(NamedTuple):
    """A reject and what was done about it: REPLAYED, DROPPED or None. `kept` is None when it cannot be read."""

    at_ms: int
    value: bytes
    kept: Kept | None
    done: str | None


class Marks:
    """What was done about the rejects from some offsets on: one byte an offset, however many there are."""

    _NAMES = (None, rejects.REPLAYED, rejects.DROPPED)

    def __init__(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> None:
        self._begins = begins
        self._of = {number: bytearray(max(ends[number] - begin, 0)) for number, begin in begins.items()}

    def add(self, number: int, mark: Mark) -> None:
        """A mark was read in partition `number`. The last one about a reject counts."""
        at = mark.reject - self._begins[number]
        if 0 <= at < len(self._of[number]):
            self._of[number][at] = self._NAMES.index(mark.done)

    def of(self, number: int, offset: int) -> str | None:
        """What was done about the reject at this offset."""
        at, known = offset - self._begins[number], self._of[number]
        return self._NAMES[known[at]] if 0 <= at < len(known) else None


def here(settings: Settings) -> tuple[Settings, dict[int, Bounds]]:
    """See `streams.broker.logs.here`."""
    return of_topic.here(settings, REJECTS)


def bounds(settings: Settings, admin: Admin) -> dict[int, Bounds]:
    """Where the partitions of `rejects` begin and end now."""
    return of_topic.bounds(settings, admin, REJECTS)


async def since(settings: Settings, logs: Mapping[int, Bounds], since_ms: int | None) -> dict[int, int]:
    """See `streams.broker.logs.since`."""
    return await of_topic.since(settings, REJECTS, logs, since_ms)


async def records(
    settings: Settings, begins: Mapping[int, int], ends: Mapping[int, int]
) -> AsyncGenerator[Found, None]:
    """All committed records from `begins` to `ends`, each partition in its order.

    Waits while a transaction is open before an end. Raises CloutError when it stays open.
    """
    topic = settings.topic(REJECTS.name)
    async with Scan(settings, {TopicPartition(topic, number): at for number, at in begins.items()}) as scan:
        scan.ends = {tp: ends[tp.partition] for tp in scan.ends}
        fetches = scan.fetches()
        while True:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    fetch = await anext(fetches)
            except StopAsyncIteration:
                return
            except TimeoutError:
                where = ", ".join(
                    f"{topic}[{tp.partition}]@{scan.ends[tp] - left}" for tp, left in (await scan.left()).items()
                )
                raise CloutError(
                    f"a transaction is open at {where} for more than {_PATIENCE_S:.0f} s: end the producer that holds it, "
                    "then try again"
                ) from None
            for tp, batches in fetch.items():
                number, begin = tp.partition, begins[tp.partition]
                for record in (record for batch in batches for record in batch if record.offset >= begin):
                    yield Found(number, record.offset, record.timestamp, record.value or b"", _read(record.value))


def _read(value: bytes | None) -> Kept | Mark | None:
    try:
        return rejects.read(value)
    except ValueError:
        return None


async def marks(settings: Settings, begins: Mapping[int, int], ends: Mapping[int, int]) -> Marks:
    """What was done about the rejects in this part of the log; a mark always comes after its reject."""
    read = Marks(begins, ends)
    async for found in records(settings, begins, ends):
        if isinstance(found.what, Mark):
            read.add(found.partition, found.what)
    return read


async def latest(
    settings: Settings,
    logs: Mapping[int, Bounds],
    n: int,
    wanted: Callable[[Shown], bool],
    since_ms: int | None = None,
) -> list[Shown]:
    """The last `n` wanted rejects of these partitions by the time they were written, oldest first.

    Reads from the ends backwards, ever larger parts, until each partition has given `n` or all it has.
    """
    firsts, ends = await since(settings, logs, since_ms), {number: log.committed for number, log in logs.items()}
    found: dict[int, Iterable[Shown]] = {}
    lacking, width = {number for number in logs if firsts[number] < ends[number]}, max(_FIRST_LOOK, 4 * n)
    while lacking:
        begins = {number: max(firsts[number], ends[number] - width) for number in lacking}
        of = {number: deque[Shown](maxlen=n) for number in lacking}
        done = await marks(settings, begins, ends)
        async for one in records(settings, begins, ends):
            if isinstance(one.what, Mark) or (since_ms is not None and one.at_ms < since_ms):
                continue
            shown = Shown(one.at_ms, one.value, one.what, done.of(one.partition, one.offset))
            if wanted(shown):
                of[one.partition].append(shown)
        found |= of
        lacking = {number for number, some in of.items() if len(some) < n and begins[number] > firsts[number]}
        width *= _WIDER
    return sorted((shown for _, some in sorted(found.items()) for shown in some), key=lambda shown: shown.at_ms)[-n:]
