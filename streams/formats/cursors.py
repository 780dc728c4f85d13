"""Records of the topic `cursors`: how far a source was read, written in one transaction with its events. Key: the source."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

FORMAT = 1


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a source was read."""

    source: Annotated[str, Meta(description="as in the key")]
    cursor: Annotated[
        str | None, Meta(description="JSON that the source itself understands; null: nothing was read yet")
    ]
    at: Annotated[int, Meta(description="when it was written, ms since epoch, UTC")]
    ts: Annotated[
        int, Meta(description="the source's time of the newest that was read, ms since epoch; 0: not known")
    ] = 0
    instance: Annotated[str, Meta(description="which process wrote it")] = ""
    endpoint: Annotated[str, Meta(description="where the source was read")] = ""
    events: Annotated[int, Meta(description="events sent, since the first cursor of the source")] = 0
    skipped: Annotated[dict[str, int], Meta(description="what gave no event, by reason, since then")] = {}
    gap: Annotated[int | None, Meta(description="since when a gap is on that the source has declared; null: none")] = (
        None
    )
    format: int = FORMAT


class _Head(msgspec.Struct):
    format: int = FORMAT


_encode = msgspec.json.Encoder().encode
_head = msgspec.json.Decoder(_Head).decode
_decode = msgspec.json.Decoder(Cursor).decode


def encode(one: Cursor) -> tuple[bytes, bytes]:
    """Key and value of its record."""
    return one.source.encode(), _encode(one)


def decode(key: bytes, value: bytes) -> Cursor:
    """Raises ValueError for what is none, of a newer format, or of another key."""
    try:
        if (format_ := _head(value).format) > FORMAT:  # first: what another format looks like is not known
            raise ValueError(f"a cursor of format {format_}; this version knows {FORMAT}: update it")
        found = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no cursor: {error}") from None
    if found.source.encode() != key:
        raise ValueError("a cursor under the key of another source")
    return found
