"""The format `events`: one event as JSON a line, sent as it stands. What is wrong with it, the worker's reject says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from streams.events import KINDS, TOPIC_OF
from streams.sources.record import NO_TIME, Produced
from streams.sources.torn import pieces

if TYPE_CHECKING:
    from streams.sources.report import Report

REJECTING_TOPIC = "likes"  # where lines go that belong nowhere: the worker there rejects them and keeps their bytes
_MAX_TS_MS = 1 << 53  # Kafka's timestamps are 64 bit; beyond this it is no time


def read(lines: Iterable[bytes], report: Report) -> Iterator[Produced]:
    """Every line as one record, its bytes unchanged, in the topic of its `type`; nothing is left out.

    Lines that are no JSON object or have an unknown `type` go to `likes` without a key, where they become rejects.
    Where a line is no JSON but holds events, each of them is a record, and the rest is one for `likes`.
    So does a line without `type`; as any topic would take it for its own kind, it gets a `type` that none accepts.
    """
    for line in lines:
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            found, rest = pieces(line, is_one)
            yield from read(found, report)
            if rest or not found:
                report.unusable()
                yield Produced(REJECTING_TOPIC, b"", rest if found else line, NO_TIME)
            continue
        if not isinstance(event, dict):
            report.unusable()
            yield Produced(REJECTING_TOPIC, b"", line, NO_TIME)
            continue
        kind = event.get("type")
        topic = TOPIC_OF.get(kind) if isinstance(kind, str) else None
        ts = _ts_ms(event.get("ts"))
        if topic:
            yield Produced(topic, _key(event), line, ts)
            continue
        report.unusable()
        if kind is None and event:
            yield Produced(REJECTING_TOPIC, b"", line[:-1] + b',"type":"missing"}', ts)
        else:
            yield Produced(REJECTING_TOPIC, b"", line, ts)


def is_one(event: Any) -> bool:
    """Has it the fields that every event has, and a type that is known?"""
    return isinstance(event, dict) and event.keys() >= {"network", "actor", "ts"} and event.get("type") in KINDS


def _key(event: dict[str, Any]) -> bytes:
    network, actor = event.get("network"), event.get("actor")
    return f"{network}:{actor}".encode() if isinstance(network, str) and isinstance(actor, str) else b""


def _ts_ms(ts: object) -> int:
    return ts if type(ts) is int and 0 < ts < _MAX_TS_MS else NO_TIME  # `type`, since True is an int too
