"""What every source hands out: one record as it goes to Kafka."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from streams.events import TOPIC_OF

NO_TIME = 0  # `ts` of a record whose own time cannot be read; the sender uses its clock instead


class Produced(NamedTuple):
    """One record to send.

    `topic`: base name without prefix (`likes`, ...). `key`: `network:actor` in UTF-8, or empty when the actor cannot be
    read. `value`: the event as JSON. `ts`: event time in ms since epoch, `NO_TIME` when it cannot be read.
    """

    topic: str
    key: bytes
    value: bytes
    ts: int


def produced(event: dict[str, Any]) -> Produced:
    """A well-formed event as a record; its `type` picks the topic (an unknown one is a KeyError: a bug of ours)."""
    return Produced(
        TOPIC_OF[event["type"]],
        f"{event['network']}:{event['actor']}".encode(),
        orjson.dumps(event),
        event["ts"],
    )
