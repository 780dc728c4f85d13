"""What a partition keeps in the compacted topic `state`: one header, and two records a user: what they did, what was done to them.

Keys: `h` the header; `d` + user what they did (sums and memory); `g` + user what they got. Values of format 1, little-endian:
  did   week landmark u32, columns ACTED ACTIONS DID_TS CLOSE f64, then the memory as it is
  got   three landmarks u32, a bit for each of the columns SUMS.. that is not 0 (u32), those columns f64
A landmark is written as its number of half-lives since the epoch; a record is scaled to the table's landmarks when it is read.
Two records, because an event dirties the actor's first and the target's second: one joint record would double the traffic.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from streams.errors import CloutError
from streams.model.table import ACTED, ACTIONS, CLOSE, DID, DID_TS, GOT, SHOWN, SUMS, WEEK, WIDTH, Table

if TYPE_CHECKING:
    from streams.broker.intake import Cut

FORMAT = 1
HEADER = b"h"
_DID, _GOT = b"d"[0], b"g"[0]
_ACTED = struct.Struct("<Idddd")
_GOT_HEAD = struct.Struct("<IIII")
#: the close is in both records: whichever was written last knows the last one
_DID_COLUMNS = [ACTED, ACTIONS, DID_TS, CLOSE]
#: all columns about what a user got, except the published score: it is made anew after a take-over
_COLUMNS = np.array([c for c in range(SUMS, WIDTH) if c != SHOWN], dtype=np.intp)
_BITS = 1 << np.arange(len(_COLUMNS), dtype=np.uint64)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a partition at a commit."""

    format: int = FORMAT
    generation: int
    version: int  #: the last one given to a Redis call
    now_ms: int  #: the time scores were last published for
    positions: dict[str, int]  #: base topic -> next offset to apply
    clock: int  #: newest event time, ms
    day: int  #: the UTC day up to whose midnight closes are taken
    half_lives_ms: tuple[int, int, int]
    counts: dict[str, int]
    shown: bool  #: had all rows reached Redis?


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Header).decode


def read_header(value: bytes) -> Header:
    """A header from its record. Raises CloutError when this version cannot read it."""
    try:
        head = msgspec.json.decode(value, type=_Versioned)
        if head.format > FORMAT:
            raise CloutError(
                f"the state is of format {head.format}, written by a newer Clout; this one knows {FORMAT}: run the newer one"
            )
        return _decode(value)
    except msgspec.MsgspecError as error:
        raise CloutError(f"the header in topic `state` cannot be read: {error}") from None


class _Versioned(msgspec.Struct):
    format: int


def header_record(header: Header) -> tuple[bytes, bytes]:
    """(key, value) of a header."""
    return HEADER, _encode(header)


def records(changed: Cut, half_lives_ms: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of every record that changed in an interval, as it was at the cut."""
    steps = [at // life for at, life in zip(changed.landmarks, half_lives_ms, strict=True)]
    did = np.flatnonzero(changed.marks & DID)
    acted = changed.rows[did][:, _DID_COLUMNS].tolist()
    for i, values in zip(did.tolist(), acted, strict=True):
        yield b"d" + changed.names[i].encode(), _ACTED.pack(steps[WEEK], *values) + changed.memories[i]
    got = np.flatnonzero(changed.marks & GOT)
    cells = changed.rows[got][:, _COLUMNS]
    filled = cells != 0
    masks = (filled * _BITS).sum(axis=1).astype(np.uint64).tolist()
    values_of, counts = cells[filled].astype("<f8").tobytes(), filled.sum(axis=1).tolist()
    at = 0
    for i, mask, count in zip(got.tolist(), masks, counts, strict=True):
        end = at + 8 * count
        yield b"g" + changed.names[i].encode(), _GOT_HEAD.pack(*steps, mask) + values_of[at:end]
        at = end


def load(table: Table, found: Iterable[tuple[bytes, bytes]]) -> int:
    """Put (key, value) records of users into a table whose landmarks are set; later ones win. Returns how many."""
    lives = table.model.half_lives_ms
    count = 0
    for key, value in found:
        count += 1
        slot = table.slot(key[1:].decode())
        if key[0] == _DID:
            week, acted, *others = _ACTED.unpack_from(value)
            moved = week - table.landmarks[WEEK] // lives[WEEK]
            table.cells[slot, _DID_COLUMNS] = math.ldexp(acted, moved), *others
            table.memory[slot] = value[_ACTED.size :]
        elif key[0] == _GOT:
            *steps, mask = _GOT_HEAD.unpack_from(value)
            cells = np.zeros(len(_COLUMNS))
            cells[(_BITS & np.uint64(mask)) != 0] = np.frombuffer(value, "<f8", offset=_GOT_HEAD.size)
            for window, life in enumerate(lives):
                moved = steps[window] - table.landmarks[window] // life
                if moved:
                    cells[window:18:3] = np.ldexp(cells[window:18:3], moved)
            table.cells[slot, _COLUMNS] = cells
        else:
            raise CloutError(f"the topic `state` has a record of an unknown sort: key {key[:40]!r}")
    return count
