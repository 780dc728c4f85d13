"""Events that arrived in a partition that is not their actor's go once round through the topic `strays`.

Wire format 1, msgpack: [1, [[kind, topic, partition, offset, event bytes], ...]].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from streams.events import KINDS
from streams.formats.rejects import Origin

FORMAT = 1
_SPLIT_BYTES = 800_000


class Stray(NamedTuple):
    """One misplaced event: its kind, where it came from, its bytes."""

    kind: int
    origin: Origin
    value: bytes


class _Wire(msgspec.Struct, array_like=True):
    version: int
    strays: list[tuple[int, str, int, int, bytes]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Wire).decode


def encode(strays: list[Stray]) -> Iterator[bytes]:
    """The records that carry them, each below a megabyte."""
    batch: list[tuple[int, str, int, int, bytes]] = []
    size = 0
    for stray in strays:
        size += len(stray.value) + len(stray.origin.topic) + 30
        if batch and size > _SPLIT_BYTES:
            yield _encode((FORMAT, batch))
            batch, size = [], len(stray.value) + len(stray.origin.topic) + 30
        batch.append((stray.kind, *stray.origin, stray.value))
    if batch:
        yield _encode((FORMAT, batch))


def decode(record: bytes) -> list[Stray]:
    """Strays from the wire. Raises ValueError when the record is not one this version understands."""
    try:
        wire = _decode(record)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not a pack of strays: {error}") from None
    if wire.version != FORMAT:
        raise ValueError(f"pack of format {wire.version}; this worker knows {FORMAT}")
    if not all(0 <= kind < len(KINDS) for kind, *_ in wire.strays):
        raise ValueError("pack of strays with a kind that this worker does not know")
    return [
        Stray(kind, Origin(topic, partition, offset), value) for kind, topic, partition, offset, value in wire.strays
    ]
