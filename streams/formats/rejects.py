"""Records that could not be used: kept with the reason, where they came from, and their bytes; and what was done about them."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from streams.events import Reject

#: more of a record is not kept: the topic takes records of a megabyte, and 64 KB show what was wrong
MOST_BYTES = 65_536

#: what a mark says of a reject: its event went back to its topic, or somebody has seen to it
REPLAYED, DROPPED = "replayed", "dropped"


class Origin(NamedTuple):
    """Where a record was first read."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class RejectRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A record that could not be used; or a mark, with the reason `replayed` or `dropped`: what was done about a reject.

    More fields may come: ignore those you do not know.
    """

    reason: Annotated[
        str, Meta(description="a code that stays the same; `replayed` and `dropped` are marks, no rejects")
    ]
    path: Annotated[str, Meta(description="JSON path of what was wrong; `$` is all of it")]
    message: Annotated[str, Meta(description="a sentence for people")]
    topic: Annotated[str, Meta(description="where the record was first read, with the prefix")]
    partition: Annotated[int, Meta(description="where the record was first read")]
    offset: Annotated[int, Meta(description="where the record was first read")]
    size: Annotated[int, Meta(description="bytes of the record")]
    truncated: Annotated[bool, Meta(description="are there only the first 64 KB of them in `value`?")]
    value: Annotated[bytes | None, Meta(description="the original bytes, base64; null if there were none")]
    reject: Annotated[
        int | None, Meta(description="only in a mark: the offset of the reject, in the same partition of `rejects`")
    ] = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RejectRecord).decode


def record(reject: Reject, origin: Origin, value: bytes | None) -> tuple[bytes, bytes]:
    """(key, value) of a record for the `rejects` topic; the original bytes are in `value`, base64, cut at 64 KB."""
    original = value or b""
    body = RejectRecord(
        reason=reject.reason,
        path=reject.path,
        message=reject.message[:500],
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        size=len(original),
        truncated=len(original) > MOST_BYTES,
        value=original[:MOST_BYTES] if value is not None else None,
    )
    return str(origin).encode(), _encode(body)


class Kept(NamedTuple):
    """A reject as it was kept; `value` are the original bytes, at most the first `MOST_BYTES` of its `size`."""

    reason: str
    path: str
    message: str
    origin: Origin
    size: int
    truncated: bool
    value: bytes | None


class Mark(NamedTuple):
    """What was done about a reject: REPLAYED or DROPPED. `reject` is its offset in the partition that the mark is in too."""

    done: str
    origin: Origin
    reject: int


_MESSAGE = {
    REPLAYED: "sent back to its topic by `clout rejects replay`",
    DROPPED: "seen to: `clout rejects drop`",
}


def mark(done: str, origin: Origin, reject: int) -> tuple[bytes, bytes]:
    """(key, value) of the record that says what was done about a reject; it goes into the same partition of `rejects`.

    Key and fields are those of a reject, with `done` as the reason and without bytes, so that no reader stumbles over it.
    One more field, `reject`, is the offset of the reject: it tells two of one origin apart when a topic was made anew.
    """
    body = RejectRecord(
        reason=done,
        path="$",
        message=_MESSAGE[done],
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        size=0,
        truncated=False,
        value=None,
        reject=reject,
    )
    return str(origin).encode(), _encode(body)


def read(value: bytes | None) -> Kept | Mark:
    """A record of the topic `rejects`. Raises ValueError when it is neither a reject nor a mark."""
    try:
        wire = _decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no record of `rejects`: {error}") from None
    origin = Origin(wire.topic, wire.partition, wire.offset)
    if wire.reject is not None and wire.reason in _MESSAGE:
        return Mark(wire.reason, origin, wire.reject)
    return Kept(wire.reason, wire.path, wire.message, origin, wire.size, wire.truncated, wire.value)
