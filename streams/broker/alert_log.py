"""Reading the topic `alerts`: the latest of them, those of each user, and those that come."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.broker import logs as of_topic
from streams.broker.admin import Bounds
from streams.broker.scan import Scan, reading
from streams.broker.security import connection
from streams.broker.shown import check_shown
from streams.events import MAX_AHEAD_MS
from streams.model.alert_reading import feed_of
from streams.settings import Settings
from streams.topics import ALERTS

_FIRST_LOOK = 100  # offsets before the end; a transaction takes one, too
_WIDER = 8
_WAIT_MS = 500


class Alert(NamedTuple):
    """One record of the topic; `body` is an `AlertRecord`, a `FeedRecord`, or what an older version wrote."""

    at: int  #: ms since epoch
    user: str  #: about whom; empty: about the feed of a network
    body: dict[str, Any]
    value: bytes


Wanted = Callable[[Alert], bool]


def parsed(value: bytes | None) -> Alert | None:
    """None for what is no alert."""
    try:
        body = orjson.loads(value or b"")
        user = str(body["user"]) if feed_of(body) is None else ""
        return Alert(int(body["at"]), user, body, value or b"")
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
        return None


def here(settings: Settings) -> tuple[Settings, dict[int, Bounds]]:
    """See `streams.broker.logs.here`."""
    return of_topic.here(settings, ALERTS)


async def latest(
    settings: Settings, logs: Mapping[int, Bounds], n: int, wanted: Wanted | None = None, since_ms: int | None = None
) -> list[Alert]:
    """The `n` newest wanted alerts that are committed in these partitions, not older than `since_ms`; oldest first.

    Reads from the ends backwards, ever larger parts, until each partition has given `n` or all it has.
    """
    # an alert is judged no later than it is written, but for clocks that differ
    earliest_ms = None if since_ms is None else max(since_ms - MAX_AHEAD_MS, 0)
    firsts = await of_topic.since(settings, ALERTS, logs, earliest_ms)
    found: dict[int, deque[Alert]] = {}
    lacking = {number for number, log in logs.items() if n and firsts[number] < log.committed}
    width = max(_FIRST_LOOK, 4 * n)
    while lacking:
        begins = {number: max(firsts[number], logs[number].committed - width) for number in lacking}
        of = {number: deque[Alert](maxlen=n) for number in lacking}
        async for number, alert in _between(settings, begins, logs):
            if (since_ms is None or alert.at >= since_ms) and (wanted is None or wanted(alert)):
                of[number].append(alert)
        found |= of
        lacking = {number for number, some in of.items() if len(some) < n and begins[number] > firsts[number]}
        width *= _WIDER
    return sorted((one for _, some in sorted(found.items()) for one in some), key=lambda one: one.at)[-n:]


async def by_user(settings: Settings, logs: Mapping[int, Bounds], most: int) -> dict[str, list[bytes]]:
    """The last `most` committed alerts (JSON) of each user in these partitions, oldest first. Reads all there is."""
    found: dict[str, deque[bytes]] = {}
    begins = {number: log.first for number, log in logs.items() if log.first < log.committed}
    async for _, alert in _between(settings, begins, logs):
        if alert.user:
            found.setdefault(alert.user, deque(maxlen=most)).append(alert.value)
    return {user: list(some) for user, some in found.items()}


async def follow(settings: Settings, begins: Mapping[int, int]) -> AsyncGenerator[list[Alert]]:
    """Alerts from these offsets of these partitions on, as they are committed: some at a time, in order of their moments.

    Never ends. Brokers that are away are waited for. Raises NotAllowed, TopicMismatch.
    """
    consumer: Any = AIOKafkaConsumer(
        **connection(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    partitions = _partitions(settings, begins)
    await consumer.start()
    try:
        with reading():
            consumer.assign(set(partitions))
            await check_shown(consumer, partitions)
            for tp, begin in partitions.items():
                consumer.seek(tp, begin)
            while True:
                came = await consumer.getmany(timeout_ms=_WAIT_MS)
                alerts = [alert for some in came.values() for one in some if (alert := parsed(one.value))]
                yield sorted(alerts, key=lambda one: one.at)
    finally:
        await consumer.stop()


def _partitions(settings: Settings, begins: Mapping[int, int]) -> dict[TopicPartition, int]:
    return {TopicPartition(settings.topic(ALERTS.name), number): at for number, at in begins.items()}


async def _between(
    settings: Settings, begins: Mapping[int, int], logs: Mapping[int, Bounds]
) -> AsyncGenerator[tuple[int, Alert]]:
    """Partition and alert of all that was committed from `begins` on when `logs` was asked for."""
    if not begins:
        return
    async with Scan(settings, _partitions(settings, begins)) as scan:
        scan.ends = {tp: logs[tp.partition].committed for tp in scan.ends}
        async for fetch in scan.fetches():
            for tp, batches in fetch.items():
                begin, end = begins[tp.partition], scan.ends[tp]
                for record in (record for batch in batches for record in batch if begin <= record.offset < end):
                    if alert := parsed(record.value):
                        yield tp.partition, alert
