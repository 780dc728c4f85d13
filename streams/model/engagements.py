"""Engagements on their way from the actor's partition to the target's: packed as columns, one pack an interval and partition.

Wire format 1, msgpack: [1, sender's clock ms, [target, ...], weights f32, times i64 ms, codes u8], columns little-endian.
A code is the kind, plus flags. Weights travel as they were at `ts`; scaling for a landmark is the receiver's business.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.events import KINDS, NEWEST_MS

KIND_BITS = 7
FIRST = 8  #: the actor does not remember engaging with this target before (undo: no longer does)
FOLLOW = 16  #: changes the number of net followers
UNDO = 32  #: takes back: the weight is negative

FORMAT = 1
_SPLIT = 4_000  # engagements a record at most, so that a record stays far below the broker's 1 MB
_SPLIT_BYTES = 800_000

_encode = msgspec.msgpack.Encoder().encode


class Pack:
    """Engagements for one partition, being collected."""

    __slots__ = ("codes", "targets", "times", "weights")

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.weights = array("f")
        self.times = array("q")
        self.codes = array("B")

    def __len__(self) -> int:
        return len(self.targets)

    def extend(self, more: Pack) -> None:
        """Add the engagements of another pack behind these."""
        self.targets += more.targets
        self.weights.extend(more.weights)
        self.times.extend(more.times)
        self.codes.extend(more.codes)


def split(pack: Pack, homes: NDArray[np.int64]) -> dict[int, Pack]:
    """One pack for each partition in `homes` (n,), the partitions of the pack's targets; the order within each is kept."""
    whole, parts = received(pack, 0), {}
    for home in np.unique(homes).tolist():
        chosen = np.flatnonzero(homes == home)
        part = parts[home] = Pack()
        part.targets = [pack.targets[i] for i in chosen.tolist()]
        part.weights.frombytes(whole.weights[chosen].tobytes())
        part.times.frombytes(whole.times[chosen].tobytes())
        part.codes.frombytes(whole.codes[chosen].tobytes())
    return parts


class Engagements(NamedTuple):
    """A pack as received. Shapes (n,)."""

    clock: int
    targets: list[str]
    weights: NDArray[np.float32]
    times: NDArray[np.int64]
    codes: NDArray[np.uint8]


class _Wire(msgspec.Struct, array_like=True, gc=False):
    version: int
    clock: int
    targets: list[str]
    weights: bytes
    times: bytes
    codes: bytes


_decode = msgspec.msgpack.Decoder(_Wire).decode


def received(pack: Pack, clock: int) -> Engagements:
    """A pack that does not travel: what decoding its encoding would give."""
    return Engagements(
        clock,
        pack.targets,
        np.frombuffer(pack.weights, np.float32),
        np.frombuffer(pack.times, np.int64),
        np.frombuffer(pack.codes, np.uint8),
    )


def joined(packs: Sequence[Engagements]) -> Engagements:
    """Several packs as one; their order is kept, the clock is the newest."""
    if len(packs) == 1:
        return packs[0]
    return Engagements(
        max(pack.clock for pack in packs),
        [target for pack in packs for target in pack.targets],
        np.concatenate([pack.weights for pack in packs]),
        np.concatenate([pack.times for pack in packs]),
        np.concatenate([pack.codes for pack in packs]),
    )


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
