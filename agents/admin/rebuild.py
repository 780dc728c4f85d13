"""Redis written again from the rows: what `clout rebuild` does.

Running workers are asked: a pulse that says version 0 is foreign to them, and to a foreign version they answer by writing
everyone again. Nobody else writes beside them. When none runs, it is done here from the committed rows, under versions
that begin at 1 and end at the header's: a worker that starts meanwhile finds that nothing is complete and writes everyone itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from streams.broker.admin import Admin
from streams.broker.recovery import recover
from streams.errors import CloutError
from streams.model.versions import model
from streams.partition.recovered import Recovered
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush, Versions
from streams.scoreboard.layout import Keys, shard_of
from streams.scoreboard.pulse import pulse
from streams.scoreboard.reader import Reader
from streams.scoreboard.shown import CHUNK, Shown
from streams.scoreboard.writer import Writer
from streams.settings import Settings
from streams.topics import STATE

Told = Callable[[int, float], None]  #: hears how many users, and how many partitions, are done

_LOOK_S = 0.2
_STALLED_S = 60.0
#: A histogram bin nobody can be in. A worker that writes everyone drops the histogram first, and this mark with it.
_MARK = -1


class Rebuilt(NamedTuple):
    """What was written."""

    users: int
    by: str  #: "workers" or "rows"


def rebuild(settings: Settings, told: Told) -> Rebuilt:
    """Returns when Redis shows everyone again. Raises CloutError when the workers do not do it."""
    with Admin(settings) as admin:
        admin.check()
        members = admin.members()
    if not members and not settings.transactions:
        raise CloutError("no worker runs, and without transactions rows are nowhere else: start one")
    return asyncio.run(_rebuild(settings, told, asked=bool(members)))


async def _rebuild(settings: Settings, told: Told, *, asked: bool) -> Rebuilt:
    client: Any = connect(settings)
    try:
        if asked:
            return Rebuilt(await _ask(client, settings, told), "workers")
        return Rebuilt(await _write(client, settings, told), "rows")
    finally:
        await client.aclose()


def _keys(settings: Settings, number: int) -> Keys:
    return Keys(settings.redis_prefix, shard_of(number, settings.redis_shards))


async def _lower(client: Any, settings: Settings, number: int) -> None:
    """What the partition last said stays readable; only its version becomes lower than all others, and nothing is complete."""
    key = _keys(settings, number).pulse
    said = await client.hget(key, str(number))
    if said is not None:
        await client.hset(key, str(number), orjson.dumps({**orjson.loads(said), "version": 0, "complete": 0}))


async def _ask(client: Any, settings: Settings, told: Told) -> int:
    """Have the workers write everyone, and wait for it."""
    reader = Reader(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
    numbers = range(settings.partitions)
    marks = {number: _keys(settings, number).spread(number) for number in numbers}
    for number, spread in marks.items():
        await client.hset(spread, str(_MARK), 0)
        await _lower(client, settings, number)
    before, moved_s = -1.0, time.monotonic()
    while True:
        pulses, users, parts = await reader.pulses(), 0, dict.fromkeys(numbers, 0.0)
        for number, said in pulses.items():
            if number not in parts or not said["version"]:
                continue  # not noticed yet
            marked = await client.hexists(marks[number], str(_MARK))
            if not said["users"]:
                parts[number] = 1.0
            elif not marked:
                written = said["shown"]  # since the histogram was dropped, with the mark
                parts[number] = min(written / said["users"], 1.0)
                users += written
        done = sum(parts.values())
        told(users, done)
        if done >= len(parts):
            for spread in marks.values():
                await client.hdel(spread, str(_MARK))
            return users
        if done != before:
            before, moved_s = done, time.monotonic()
        if time.monotonic() - moved_s > _STALLED_S:
            late = [number for number, part in parts.items() if part < 1]
            raise CloutError(
                f"workers run, but do not write the partitions {late}: for {_STALLED_S:.0f} s nothing came. See their logs; they "
                "go on with it by themselves"
            )
        await asyncio.sleep(_LOOK_S)


async def _write(client: Any, settings: Settings, told: Told) -> int:
    """Write everyone from the committed rows, a partition at a time."""
    shape = settings.redis_prefix, settings.redis_shards, settings.partitions
    writer = Writer(client, *shape, settings.app)
    topic, scoring, users = settings.topic(STATE.name), model(settings.model), 0
    for number in range(settings.partitions):
        found = (await recover(settings, topic, [number], scoring))[number]
        await _lower(client, settings, number)
        for flush in _flushes(found, number):
            before = await writer.write(flush)
            if before > flush.version:
                raise CloutError(
                    f"a worker took partition {number} meanwhile, and writes everyone of it by itself: run `clout rebuild` again"
                )
            users += len(flush.users)
            told(users, number + min(flush.version * CHUNK / max(len(found.table), 1), 1.0))
    return users


def _flushes(found: Recovered, number: int) -> Iterator[Flush]:
    """Everyone of a partition, as Redis showed them at the last commit."""
    table, header = found.table, found.header
    if not header:
        return
    versions = Versions(0)
    shown = Shown(table, number, "clout rebuild", versions)
    shown.everyone()
    while flush := shown.call(header.now_ms):
        yield flush
        shown.arrived(header.now_ms)
    said = shown.said()._replace(counts=header.counts, complete=header.version, origin=header.origin)
    yield Flush(number, header.version, pulse(table, header.now_ms, "clout rebuild", said))
