"""Records that could not be used: kept with the reason, where they came from, and their bytes."""

from __future__ import annotations

import base64
from typing import NamedTuple

import orjson

from streams.events import Reject

#: more of a record is not kept: the topic takes records of a megabyte, and 64 KB show what was wrong
MOST_BYTES = 65_536


class Origin(NamedTuple):
    """Where a record was first read."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


def record(reject: Reject, origin: Origin, value: bytes | None) -> tuple[bytes, bytes]:
    """(key, value) of a record for the `rejects` topic; the original bytes are in `value`, base64, cut at 64 KB."""
    original = value or b""
    body = {
        "reason": reject.reason,
        "path": reject.path,
        "message": reject.message[:500],
        "topic": origin.topic,
        "partition": origin.partition,
        "offset": origin.offset,
        "size": len(original),
        "truncated": len(original) > MOST_BYTES,
        "value": base64.b64encode(original[:MOST_BYTES]).decode() if value is not None else None,
    }
    return str(origin).encode(), orjson.dumps(body)
