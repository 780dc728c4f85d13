"""Engagements on the wire: one pack an interval and partition, format 1 of `streams.fold.packs`.

MessagePack: [1, sender's clock ms, [target, ...], weights f32, times i64 ms, codes u8], columns little-endian.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from streams.events import NEWEST_MS
from streams.fold import packs
from streams.fold.words import padded
from streams.model.engagements import Engagements, Pack, Piece, packed

FORMAT = 1

# a record at most, so that it stays far below the broker's 1 MB
_MOST, _MOST_BYTES = 4_000, 800_000


class _Wire(msgspec.Struct, array_like=True, gc=False):
    version: int
    clock: int
    targets: list[str]
    weights: bytes
    times: bytes
    codes: bytes


_decode = msgspec.msgpack.Decoder(_Wire).decode


def encode(pack: Pack, clock: int) -> Iterator[bytes]:
    """The records that carry a pack, in order, each well below a megabyte."""
    part: list[Piece] = []
    for piece in pack.pieces:
        together = [*part, piece]
        if part and (sum(p.total for p in together) > _MOST or sum(p.size for p in together) > _MOST_BYTES):
            yield _record(part, clock)
            together = [piece]
        part = together
    if part:
        yield _record(part, clock)


def _record(pieces: Sequence[Piece], clock: int) -> bytes:
    counts, names, *numbers = zip(*pieces, strict=True)
    count = sum(counts).to_bytes(4, "big")
    columns = [b"".join(column) for column in numbers]
    parts = [part for column in columns for part in (b"\xc6", len(column).to_bytes(4, "big"), column)]
    return b"".join((b"\x96\x01\xcf", clock.to_bytes(8, "big"), b"\xdd", count, *names, *parts))


def decode(record: bytes, newest_ms: int = NEWEST_MS, *, careful: bool = False) -> Engagements:
    """A pack from the wire. Raises ValueError when it is not one this version understands.

    `careful`: no kernel reads it before it was taken apart and put together again.

    Anybody who may write to the topic could send one: a weight that is no number, or a time after `newest_ms`, would stay
    in the rows for ever.
    """
    if careful:
        record = _again(record)
    text = padded(record)
    count = max(packs.count_of(text, len(record)), 0)
    starts, lengths = np.empty(count, np.int32), np.empty(count, np.int32)
    found = packs.places(text, len(record), starts, lengths)
    if found.total < 0:
        _wire(record)
        raise ValueError(
            "a pack of engagements that no Clout has written: a target too long, or numbers in another form"
        )
    if found.clock > newest_ms:
        raise ValueError(f"pack with a clock of {found.clock}, out of range")
    wrong, newest = packs.sound(text, found, newest_ms)
    if wrong == 1:
        raise ValueError("pack with a weight that is no number, or a kind that this worker does not know")
    if wrong == 2:
        raise ValueError("pack with a time out of range")
    return Engagements(text, found, starts, lengths, newest)


def _again(record: bytes) -> bytes:
    """The same pack, written by ourselves."""
    wire = _wire(record)
    pairs = (wire.weights, "<f4"), (wire.times, "<i8"), (wire.codes, "u1")
    columns = (np.frombuffer(column, kind) for column, kind in pairs)
    return next(encode(packed(wire.targets, *columns), wire.clock), record)


def _wire(record: bytes) -> _Wire:
    """A pack taken apart without kernels. Raises ValueError with what is wrong with it."""
    try:
        wire = _decode(record)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a pack of engagements: {error}") from None
    if wire.version != FORMAT:
        raise ValueError(f"pack of format {wire.version}; this worker knows {FORMAT}")
    if wire.clock < 0:
        raise ValueError(f"pack with a clock of {wire.clock}, out of range")
    n = len(wire.targets)
    if (len(wire.weights), len(wire.times), len(wire.codes)) != (4 * n, 8 * n, n):
        raise ValueError("pack with columns of different lengths")
    return wire


def local(pack: Pack, clock: int) -> list[Engagements]:
    """A pack that does not travel: what decoding its encoding gives."""
    return [decode(record) for record in encode(pack, clock)]
