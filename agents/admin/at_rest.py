"""Is the application at rest? What must be true before state is taken out of `state` or put into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from aiokafka import TopicPartition

from streams.broker.admin import Admin, Bounds
from streams.broker.scan import Scan
from streams.errors import CloutError, TopicMismatch
from streams.formats import feeds
from streams.formats.state import Header
from streams.settings import Settings
from streams.topics import SOURCES, STATE

Logs = dict[tuple[str, int], Bounds]  #: by base name and partition


def nobody_works(settings: Settings, admin: Admin) -> None:
    """Raise CloutError while a worker is in the group."""
    if members := admin.members():
        raise CloutError(
            f"{members} worker(s) of {settings.app} are running: stop them all first (SIGTERM). One that was killed counts "
            f"for {settings.session_timeout_s} s more"
        )


def partitions_are_there(admin: Admin) -> None:
    """Raise TopicMismatch that names every topic that is missing or has too few partitions; surplus ones are left alone."""
    if problems := [found.problem for found in admin.find() if (found.partitions or 0) < found.wanted]:
        raise TopicMismatch("\n".join(problems))


def logs(settings: Settings, admin: Admin) -> Logs:
    """Where `state` and all sources begin and end. Raises CloutError while a transaction is open in one of them."""
    bounds = admin.bounds(STATE, *SOURCES)
    for (name, number), at in bounds.items():
        if at.committed < at.end:
            raise CloutError(
                f"{settings.topic(name)}[{number}]: a transaction is open, of a worker that was killed or of a producer "
                "that is sending. Kafka ends what a dead worker left within half a minute: try again then"
            )
    return bounds


def drained(settings: Settings, bounds: Logs, headers: Mapping[int, Header]) -> None:
    """Raise CloutError if a source holds records that the rows do not count yet, or has lost such records."""
    if waiting := uncounted(settings, bounds, headers):
        raise CloutError(
            f"not everything is counted yet: records wait at {', '.join(waiting)}. Stop feeding, let `clout worker --drain` "
            "count what is left, and export again"
        )


def uncounted(settings: Settings, bounds: Logs, headers: Mapping[int, Header]) -> list[str]:
    """Where records wait that the rows do not count yet: `likes[0]@17`, the first of each source.

    Raises CloutError if such records are lost.
    """
    begins = {}
    for (name, number), at in bounds.items():
        if name == STATE.name:
            continue
        header = headers.get(number)
        position = header.positions.get(name, at.first) if header else at.first
        if position < at.first:
            raise CloutError(
                f"{settings.topic(name)}[{number}]: the rows count what is below {position}, and retention has deleted what "
                f"is below {at.first}: a worker refuses to go on from here, so there is nothing safe to export"
            )
        if position < at.end:
            begins[TopicPartition(settings.topic(name), number)] = position
    # a partition that is let go tells of feeds: that counts for nobody, and whoever comes next reads it
    return _first_records(settings, begins, but=feeds.is_one)


def untouched(settings: Settings, bounds: Logs) -> None:
    """Raise CloutError unless `state` and the sources hold no committed record."""
    begins = {
        TopicPartition(settings.topic(name), number): at.first
        for (name, number), at in bounds.items()
        if at.first < at.end
    }
    filled = _first_records(settings, begins)
    kept = [where for where in filled if where.startswith(settings.topic(STATE.name) + "[")]
    if kept:
        raise CloutError(
            f"there is state already ({', '.join(kept)}): import goes into an empty one. Use another CLOUT_TOPIC_PREFIX, or "
            f"delete the topic {settings.topic(STATE.name)} and make it again with `clout topics create`"
        )
    if filled:
        raise CloutError(
            f"the sources are not empty ({', '.join(filled)}): workers start them at their beginning, so what the imported rows "
            "count already would count twice. Use another CLOUT_TOPIC_PREFIX, or delete these records; feed after the import"
        )


def _first_records(
    settings: Settings, begins: Mapping[TopicPartition, int], but: Callable[[bytes | None], bool] = lambda _: False
) -> list[str]:
    """Where there are committed records at or beyond these offsets: `likes[0]@17`, the first of each partition.

    `but` those with such values.
    """

    async def look() -> list[str]:
        first: dict[TopicPartition, int] = {}
        async with Scan(settings, begins) as scan:
            async for fetch in scan.fetches(but=first):
                for tp, batches in fetch.items():
                    records = (record for batch in batches for record in batch if record.offset >= begins[tp])
                    at = next((record.offset for record in records if not but(record.value)), None)
                    if at is not None:
                        first[tp] = at
        return [f"{tp.topic}[{tp.partition}]@{at}" for tp, at in sorted(first.items())]

    return asyncio.run(look()) if begins else []
