"""Engagements on their way from the actor's partition to the target's: one pack an interval and partition.

Wire format 1, msgpack: [1, sender's clock ms, [target, ...], weights f32, times i64 ms, codes u8], columns little-endian.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from streams.events import KINDS, NEWEST_MS
from streams.model.engagements import KIND_BITS, Engagements, Pack, received

FORMAT = 1


_SPLIT = 4_000  # engagements a record at most, so that a record stays far below the broker's 1 MB


_SPLIT_BYTES = 800_000


_encode = msgspec.msgpack.Encoder().encode


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
    yield from _records(received(pack, clock), 0, len(pack), _SPLIT)


def _records(all_: Engagements, start: int, stop: int, step: int) -> Iterator[bytes]:
    for at in range(start, stop, step):
        cut = slice(at, min(at + step, stop))
        columns = (all_.weights[cut].astype("<f4"), all_.times[cut].astype("<i8"), all_.codes[cut])
        record = _encode((FORMAT, all_.clock, all_.targets[cut], *(c.tobytes() for c in columns)))
        if len(record) > _SPLIT_BYTES and step > 1:
            yield from _records(all_, cut.start, cut.stop, step // 4)
        else:
            yield record


def decode(record: bytes, newest_ms: int = NEWEST_MS) -> Engagements:
    """A pack from the wire. Raises ValueError when it is not one this version understands.

    Anybody who may write to the topic could send one: a weight that is no number, or a time after `newest_ms`, would stay
    in the rows for ever.
    """
    try:
        wire = _decode(record)
        pack = Engagements(
            wire.clock,
            wire.targets,
            np.frombuffer(wire.weights, "<f4"),
            np.frombuffer(wire.times, "<i8"),
            np.frombuffer(wire.codes, np.uint8),
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a pack of engagements: {error}") from None
    if wire.version != FORMAT:
        raise ValueError(f"pack of format {wire.version}; this worker knows {FORMAT}")
    if not 0 <= pack.clock <= newest_ms:
        raise ValueError(f"pack with a clock of {pack.clock}, out of range")
    if not np.isfinite(pack.weights).all() or (pack.codes & KIND_BITS >= len(KINDS)).any():
        raise ValueError("pack with a weight that is no number, or a kind that this worker does not know")
    if ((pack.times < 0) | (pack.times > newest_ms)).any():
        raise ValueError("pack with a time out of range")
    if not len(pack.targets) == len(pack.weights) == len(pack.times) == len(pack.codes):
        raise ValueError("pack with columns of different lengths")
    return pack
