"""What a partition keeps in the compacted topic `state`: one header, and two records a user: what they did, what was done to them.

Keys: `h` the header; `d` + user what they did (sums and memory); `g` + user what they got. Values of format 1, little-endian:
  did   week landmark u32, columns ACTED ACTIONS DID_TS SCORE CLOSE PUBLISHED f64, then the memory as it is
  got   three landmarks u32, a bit for each of the columns SUMS.. that is not 0 (u32), those columns f64
Score, close and version last published are in both: the record with the higher version knows them.
A landmark is written as its number of half-lives since the epoch; a record is scaled to the table's landmarks when it is read.
Two records, because an event dirties the actor's first and the target's second: one joint record would double the traffic.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.errors import CloutError
from streams.fold.rows import ACTED, ACTIONS, CLOSE, DID, DID_TS, ENGAGEMENTS, GOT, PUBLISHED, SCORE, SUMS, WEEK, WIDTH
from streams.model.memory import Copied
from streams.model.table import Table
from streams.model.users import Slots, Users
from streams.model.windows import Floats

FORMAT = 1
HEADER = b"h"
DID_KEY, GOT_KEY = b"d", b"g"
_ACTED = struct.Struct("<Idddddd")
_GOT_HEAD = struct.Struct("<IIII")
_LANDMARKS = struct.Struct("<III")
_FLOAT = struct.Struct("<d")
_SHARED = [SCORE, CLOSE, PUBLISHED]
_DID_COLUMNS = [ACTED, ACTIONS, DID_TS, *_SHARED]
_COLUMNS = np.arange(SUMS, WIDTH)
_OWN = np.array([c for c in _COLUMNS if c not in _SHARED])  # what only the second record knows
_BITS = 1 << np.arange(len(_COLUMNS), dtype=np.uint32)
_SUM_COLUMNS = ENGAGEMENTS - SUMS  # the first so many of them are decayed sums
_ENGAGEMENTS_BIT = 1 << _SUM_COLUMNS
_AT_ONCE = 1_000  # rows made ready at a time, so that whoever takes records one by one never waits long: 2 ms
_DID_HEAD = np.dtype([("week", "<u4"), ("columns", "<f8", len(_DID_COLUMNS))])


class Changed(Protocol):
    """The rows that changed, as they were at one moment: `streams.partition.cut.Cut`."""

    @property
    def changed(self) -> Slots:
        """(n,) who."""

    @property
    def rows(self) -> Floats:
        """(n, WIDTH) their rows."""

    @property
    def marks(self) -> NDArray[np.uint8]:
        """(n,) how each changed: bits DID, GOT, MOVED."""

    @property
    def names(self) -> Users:
        """Of all slots."""

    @property
    def memories(self) -> Copied:
        """Of those who acted, in the order of `changed`."""

    @property
    def landmarks(self) -> tuple[int, ...]:
        """Of the three windows, ms."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a partition at a commit."""

    format: int = FORMAT
    generation: int
    version: int  #: under which the interval was published
    now_ms: int  #: the time scores were last published for
    positions: dict[str, int]  #: base topic -> next offset to apply
    topics: dict[str, str] = {}  #: base topic -> id of the topic that the position is of
    clock: int  #: newest event time, ms
    day: int  #: the UTC day up to whose midnight closes are taken
    closed_ms: int = 0  #: when the last daily closes were taken for
    closed: int = 0  #: the version of the interval that took the last daily closes
    half_lives_ms: tuple[int, int, int]
    counts: dict[str, int]
    model: str = ""  #: name of the model that weighed; empty before it was kept
    origin: str = (
        ""  #: the import that these rows come from; empty: none. What Redis has of another origin counts for nothing
    )
    published_from: int = (
        0  #: rows published under lower versions were published elsewhere, before an import: they come again
    )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Header).decode


def read_header(value: bytes) -> Header:
    """A header from its record. Raises CloutError when this version cannot read it."""
    try:
        head = msgspec.json.decode(value, type=_Versioned)
        if head.format not in _READERS:
            raise CloutError(
                f"the state is of format {head.format}, written by a newer Clout; this one knows {FORMAT}: run the newer one"
            )
        return _READERS[head.format].header(value)
    except msgspec.MsgspecError as error:
        raise CloutError(f"the header in topic `state` cannot be read: {error}") from None


class _Versioned(msgspec.Struct):
    format: int


def header_record(header: Header) -> tuple[bytes, bytes]:
    """(key, value) of a header."""
    return HEADER, _encode(header)


def records(changed: Changed, half_lives_ms: Sequence[int]) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of every record that changed in an interval, as it was at the cut."""
    steps = [at // life for at, life in zip(changed.landmarks, half_lives_ms, strict=True)]
    memories = changed.memories.each()
    for start in range(0, len(changed.changed), _AT_ONCE):
        yield from _records(changed, slice(start, start + _AT_ONCE), steps, memories)


def _records(
    changed: Changed, part: slice, steps: Sequence[int], memories: Iterator[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    marks, rows = changed.marks[part], changed.rows[part]
    names = [changed.names[slot].encode() for slot in changed.changed[part].tolist()]
    did = np.flatnonzero(marks & DID)
    heads = np.empty(len(did), _DID_HEAD)
    heads["week"], heads["columns"] = steps[WEEK], rows[did][:, _DID_COLUMNS]
    packed, size = heads.tobytes(), _DID_HEAD.itemsize
    for i, at in zip(did.tolist(), range(0, len(packed), size), strict=True):
        yield DID_KEY + names[i], packed[at : at + size] + next(memories)
    got = np.flatnonzero(marks & GOT)
    cells = rows[got][:, _COLUMNS]
    filled = cells != 0
    landmarks, masks = _LANDMARKS.pack(*steps), (filled @ _BITS).astype("<u4").tobytes()
    values, ends = cells[filled].astype("<f8").tobytes(), (8 * filled.sum(axis=1).cumsum()).tolist()
    for i, at, end, mask_at in zip(got.tolist(), [0, *ends], ends, range(0, len(masks), 4), strict=False):
        yield GOT_KEY + names[i], b"".join((landmarks, masks[mask_at : mask_at + 4], values[at:end]))


def load(table: Table, found: Iterable[tuple[bytes, bytes]], written: int = FORMAT) -> int:
    """Put (key, value) records of users, kept in the format `written`, into a table whose landmarks are set; returns how many.

    Later ones win. Columns are filled for all records at once: 2 to 3 us a record. Raises CloutError for what is no such record.
    """
    pairs = list(found)
    did = [pair for pair in pairs if pair[0][:1] == DID_KEY]
    got = [pair for pair in pairs if pair[0][:1] == GOT_KEY]
    if len(did) + len(got) < len(pairs):
        strange = next(key for key, _ in pairs if key[:1] not in (DID_KEY, GOT_KEY))
        raise CloutError(f"the topic `state` has a record of an unknown sort: key {strange[:40]!r}")
    reader = _READERS[written]
    reader.did(table, did)
    reader.got(table, got)
    return len(pairs)


def count(key: bytes, value: bytes) -> int:
    """What a person would ask a record: how many actions of them, or how many engagements with them, are in it."""
    if key[:1] == DID_KEY:
        return int(_ACTED.unpack_from(value)[2])
    mask = _GOT_HEAD.unpack_from(value)[3]
    if not mask & _ENGAGEMENTS_BIT:
        return 0
    return int(_FLOAT.unpack_from(value, _GOT_HEAD.size + 8 * (mask & (_ENGAGEMENTS_BIT - 1)).bit_count())[0])


def _load_did(table: Table, pairs: Sequence[tuple[bytes, bytes]]) -> None:
    size, week_ms = _ACTED.size, table.model.half_lives_ms[WEEK]
    heads = b"".join([value[:size] for _, value in pairs])
    if len(heads) != size * len(pairs):
        raise _damaged(next(key for key, value in pairs if len(value) < size))
    read = np.frombuffer(heads, _DID_HEAD)
    slots = table.slots([key[1:].decode() for key, _ in pairs])
    columns = read["columns"].copy()
    columns[:, 0] = np.ldexp(columns[:, 0], read["week"].astype(np.int64) - table.landmarks[WEEK] // week_ms)
    table.cells[slots[:, None], _DID_COLUMNS[:3]] = columns[:, :3]
    _published(table, slots, columns[:, 3:])
    damaged = table.memory.put(slots, [value[size:] for _, value in pairs])
    if damaged >= 0:
        raise _damaged(pairs[damaged][0])


def _load_got(table: Table, pairs: Sequence[tuple[bytes, bytes]]) -> None:
    size = _GOT_HEAD.size
    heads = np.frombuffer(b"".join([value[:size].ljust(size, b"\xff") for _, value in pairs]), "<u4").reshape(-1, 4)
    filled = (heads[:, 3:] & _BITS) != 0
    lengths = np.fromiter((len(value) for _, value in pairs), np.int64, len(pairs))
    wrong = np.flatnonzero((lengths != size + 8 * filled.sum(axis=1)) | (heads[:, 3] >> len(_COLUMNS) != 0))
    if len(wrong):
        raise _damaged(pairs[int(wrong[0])][0])
    slots = table.slots([key[1:].decode() for key, _ in pairs])
    cells = np.zeros(filled.shape)
    cells[filled] = np.frombuffer(b"".join([value[size:] for _, value in pairs]), "<f8")
    for window, life in enumerate(table.model.half_lives_ms):
        moved = heads[:, window].astype(np.int64) - table.landmarks[window] // life
        if moved.any():
            cells[:, window:_SUM_COLUMNS:3] = np.ldexp(cells[:, window:_SUM_COLUMNS:3], moved[:, None])
    table.cells[slots[:, None], _OWN] = cells[:, _OWN - SUMS]
    _published(table, slots, cells[:, [c - SUMS for c in _SHARED]])


def _published(table: Table, slots: Slots, shared: Floats) -> None:
    newer = shared[:, -1] >= table.cells[slots, PUBLISHED]
    table.cells[slots[newer][:, None], _SHARED] = shared[newer]


def _damaged(key: bytes) -> CloutError:
    return CloutError(f"the topic `state` has a damaged record: key {key[:40]!r}")


class _Reader(NamedTuple):
    """How what one format wrote is read."""

    header: Callable[[bytes], Header]
    did: Callable[[Table, Sequence[tuple[bytes, bytes]]], None]
    got: Callable[[Table, Sequence[tuple[bytes, bytes]]], None]


#: Every format this version reads. A header tells the format of all rows of its partition: who raises FORMAT adds a line here,
#: and has a partition of an older format written whole with its first commit.
_READERS = {1: _Reader(_decode, _load_did, _load_got)}
