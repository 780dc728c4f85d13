"""The rest: events in partitions beyond CLOUT_PARTITIONS, which no worker reads. What `clout topics rest` does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import IO, Any, NamedTuple

import orjson
from aiokafka import TopicPartition

from streams.broker.admin import Admin, Bounds, Found
from streams.broker.damaged import readable
from streams.broker.scan import Scan
from streams.errors import CloutError, TopicMismatch
from streams.events import KINDS, TOPIC_OF
from streams.partition.block import UNDECODABLE
from streams.settings import Settings
from streams.topics import EVENTS

Surplus = dict[TopicPartition, Bounds]


class LeftOut(NamedTuple):
    """A record that is not in the file."""

    topic: str
    partition: int
    offset: int
    why: str

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset} was left out: {self.why}"


@dataclass(slots=True)
class Rest:
    """What was found in the surplus partitions."""

    partitions: int = 0
    events: Counter[str] = field(default_factory=Counter)  #: written, by topic
    left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "partitions": self.partitions,
            "events": self.events.total(),
            "topics": dict(self.events),
            "left_out": self.left_out,
        }

    def __str__(self) -> str:
        if not self.partitions:
            return "no event topic has surplus partitions: there is no rest"
        kinds = ", ".join(f"{name} {count:,}" for name, count in self.events.items())
        said = f"{self.events.total():,} events of {self.partitions} surplus partitions" + (
            f": {kinds}" if kinds else ""
        )
        return f"{said}; left out {self.left_out:,}" if self.left_out else said


def line_of(value: bytes | None, kind: str) -> bytes | str:
    """One record of `kind`'s topic as a line that `clout feed` sends to the topic of that kind; or why there is none.

    The bytes stay as they are, except for line ends between values, and for `type` where it is missing or null.
    """
    if not value:
        return "it has no value"
    try:
        event = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return f"no JSON ({error})"
    if not isinstance(event, dict):
        return "no JSON object"
    found = event.get("type")
    if found in KINDS and found != kind:
        return f"a `{found}` in the topic `{TOPIC_OF[kind]}`: a worker rejects it there, and fed again it would count"
    if "type" in event and found is None:
        return orjson.dumps(event | {"type": kind})
    line = value.replace(b"\r", b" ").replace(b"\n", b" ").strip()  # JSON has none of them inside a text
    if "type" in event:
        return line
    return line[:-1] + (b"," if event else b"") + b'"type":"%b"}' % kind.encode()


def write_rest(
    settings: Settings, to: IO[bytes], tell: Callable[[LeftOut], None], told: Callable[[int], None] = lambda _: None
) -> Rest:
    """Write the events of all surplus partitions as lines, partition by partition; memory for one fetch.

    `tell` hears of each record that is left out, `told` how many were written. Raises CloutError when a transaction is open
    there, or when somebody sends meanwhile: then the file is not whole; TopicMismatch when a topic is not shown.
    """
    rest = Rest()
    with Admin(settings) as admin:
        topics = [found for found in admin.find() if found.topic in EVENTS]
    if unseen := [found.problem for found in topics if not found.partitions]:
        raise TopicMismatch("\n".join(unseen))
    more = [found for found in topics if (found.partitions or 0) > found.wanted]
    surplus = {found.name: _bounds(settings, found) for found in more}
    for found in more:
        for tp, at in surplus[found.name].items():
            if at.committed < at.end:
                raise CloutError(
                    f"{tp.topic}[{tp.partition}]: a transaction is open, of a producer that is sending or was killed. Stop who "
                    "sends, and try again in a minute"
                )
            rest.partitions += 1
            if at.first < at.end:
                asyncio.run(_write(settings, rest, found, tp, to, tell, told))
    if any(_bounds(settings, found) != surplus[found.name] for found in more):
        raise CloutError("records came in or were deleted while the rest was read: stop who sends, and read it again")
    return rest


def _bounds(settings: Settings, found: Found) -> Surplus:
    """Where the surplus partitions of a topic begin and end."""
    with Admin(replace(settings, partitions=found.partitions or 0)) as admin:
        bounds = admin.bounds(found.topic)
    return {TopicPartition(found.name, of): at for (_, of), at in sorted(bounds.items()) if of >= found.wanted}


async def _write(
    settings: Settings,
    rest: Rest,
    found: Found,
    tp: TopicPartition,
    to: IO[bytes],
    tell: Callable[[LeftOut], None],
    told: Callable[[int], None],
) -> None:
    kind, topic = found.topic.kind or "", found.topic.name
    async with Scan(settings, {tp: None}) as scan:
        async for fetch in scan.fetches():
            for batch in fetch[tp]:
                lines = []
                for record in readable([batch], scan.firsts[tp]):
                    line = _damage(record) or line_of(record.value, kind)
                    if isinstance(line, bytes):
                        lines.append(line + b"\n")
                    else:
                        rest.left_out += 1
                        tell(LeftOut(tp.topic, tp.partition, record.offset, line))
                to.write(b"".join(lines))
                rest.events[topic] += len(lines)
                told(rest.events.total())


def _damage(record: Any) -> str:
    """What is wrong with the batch, if this stands for its unreadable rest."""
    why = dict(record.headers).get(UNDECODABLE)
    return f"it and what follows in its batch cannot be read ({why.decode()})" if why is not None else ""
