"""How the scores of a partition are spread, on the wire, beside engagements: [2, sender's clock ms, [], {"scores": bytes}].

partition u32   version of its interval u64   then for each tenth of a point with somebody in, rising: its number u16, how many u32
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.fold.packs import FORMAT

SECTION = "scores"
TENTHS = 1_001  #: from 0.0 to 100.0
_HEAD = struct.Struct("<IQ")
_BIN = np.dtype([("tenth", "<u2"), ("count", "<u4")])
_encode = msgspec.msgpack.Encoder().encode


class Counted(NamedTuple):
    """Users of one partition by the tenth of a point that their score lies in. What it says is absolute: the newest counts."""

    partition: int
    version: int  #: of scores that were published under lower ones
    counts: NDArray[np.int64]  #: (TENTHS,)


def encode(counted: Counted, clock: int) -> bytes:
    """The record that carries it."""
    tenths = np.flatnonzero(counted.counts)
    bins = np.empty(len(tenths), _BIN)
    bins["tenth"], bins["count"] = tenths, counted.counts[tenths]
    section = _HEAD.pack(counted.partition, counted.version) + bins.tobytes()
    return _encode([FORMAT, clock, [], {SECTION: section}])


def decode(section: bytes) -> Counted:
    """What came. Raises ValueError for what no Clout has written."""
    if len(section) < _HEAD.size or (len(section) - _HEAD.size) % _BIN.itemsize:
        raise ValueError("counted scores that are cut off")
    partition, version = _HEAD.unpack_from(section)
    bins = np.frombuffer(section, _BIN, offset=_HEAD.size)
    tenths = bins["tenth"].astype(np.int64)
    if len(tenths) and (tenths[-1] >= TENTHS or (np.diff(tenths) <= 0).any()):
        raise ValueError("counted scores of which no user could have one, or of one twice")
    counts = np.zeros(TENTHS, np.int64)
    counts[tenths] = bins["count"]
    return Counted(partition, version, counts)
