"""What a partition keeps in the compacted topic `state`: one header, and up to four records a user: what they did, what was done
to them, who did it, and their lists.

Keys: `h` the header; `d` + user what they did (sums and memory); `g` + user what they got; `p` + user the people who engaged with
them; `t` + user their lists; `c` + user and `l` + person what few have, see `streams.formats.tied`; `y` + user daily closes, see
`streams.formats.closes`; `a` + user what rules keep of them, see `streams.formats.episodes`; `n` + network what is
known of its feed, see `streams.formats.feeds`.
Values of format 7, little-endian:
  did   week landmark u32, day of the last close u32 (0: has none), columns ACTED ACTIONS DID_TS SCORE PUBLISHED f64, own actions
        since that close f64, then own actions behind the last marks (`streams.fold.lately`), then the memory as it is
  got   three landmarks u32, that day u32, a bit for each column that is not 0 (u64), those columns f64: SUMS.. of the row, then
        what has come since that close, see `streams.fold.since`; then what they got behind the last marks
  met   how many (u8) and their hashes u64; or 255 and 256 registers u8: see `streams.fold.people`
  lists as they are: see `streams.fold.tops`
Score and version last published are in both: the record with the higher version knows them.
A landmark is written as its number of half-lives since the epoch; a record is scaled to the table's landmarks when it is read.
Apart, because an event dirties the actor's first and the target's second, and the third only when somebody new comes: one joint
record would double the traffic.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.errors import CloutError
from streams.fold import kept, restored
from streams.fold.kept import MOST_ROW
from streams.fold.people import HIGHEST, REGISTERED, REGISTERS, estimated
from streams.fold.rows import DID, ENGAGEMENTS, LISTED, MET, SUMS
from streams.fold.words import padded
from streams.formats import closes, episodes, tied
from streams.formats.header import FORMAT, Header
from streams.formats.packed import Packed
from streams.model.chunks import Copied
from streams.model.closes import Known
from streams.model.hours import Lately
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots, Users
from streams.model.windows import Floats

__all__ = ["FORMAT", "Header"]  # their own module imports no numpy: the schema is made from it

HEADER = b"h"
DID_KEY, GOT_KEY, MET_KEY, LISTED_KEY = b"d", b"g", b"p", b"t"
_ACTED = struct.Struct("<IIdddddd")
_GOT_HEAD = struct.Struct("<IIIIQ")
_FLOAT = struct.Struct("<d")
_ENGAGEMENTS_BIT = 1 << ENGAGEMENTS - SUMS
_BESIDE = np.frombuffer(tied.CONTROL_KEY + tied.LINES_KEY + closes.KEY + episodes.KEY, np.uint8)
_AT_ONCE = 1_000  # rows made ready at a time, so that whoever takes records one by one never waits long: 2 ms


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
        """(n,) how each changed: bits DID, GOT, MOVED, MET."""

    @property
    def names(self) -> Users:
        """Of all slots."""

    @property
    def memories(self) -> Copied:
        """Of those who acted, in the order of `changed`."""

    @property
    def people(self) -> Copied:
        """Of those who were engaged with by somebody new (MET), in the order of `changed`."""

    @property
    def tops(self) -> Copied:
        """Of those who have other lists (LISTED), in the order of `changed`."""

    @property
    def known(self) -> Known:
        """Of which day the last close is that each has, and what has come behind it."""

    @property
    def lately(self) -> Lately:
        """What came behind the last marks."""

    @property
    def landmarks(self) -> tuple[int, ...]:
        """Of the three windows, ms."""


_OLDER = "an older one wrote it, which kept less of users; run that one, or begin with empty topics"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Header).decode


def read_header(value: bytes) -> Header:
    """A header from its record. Raises CloutError when this version cannot read it."""
    try:
        head = msgspec.json.decode(value, type=_Versioned)
        if head.format not in _READERS:
            raise CloutError(
                f"the state is of format {head.format}, this Clout knows {FORMAT}: "
                + ("run the newer one that wrote it" if head.format > FORMAT else _OLDER)
            )
        return _READERS[head.format].header(value)
    except msgspec.MsgspecError as error:
        raise CloutError(f"the header in topic `state` cannot be read: {error}") from None


class _Versioned(msgspec.Struct):
    format: int


def header_record(header: Header) -> tuple[bytes, bytes]:
    """(key, value) of a header."""
    return HEADER, _encode(header)


def chunks(changed: Changed, half_lives_ms: Sequence[int], most: int) -> Iterator[Packed]:
    """Every record that changed in an interval, as it was at the cut; those of at most so many users at a time."""
    steps = np.array([at // life for at, life in zip(changed.landmarks, half_lives_ms, strict=True)])
    done = met = top = 0
    for start in range(0, len(changed.changed), most):
        part = slice(start, start + most)
        yield _written(changed, part, half_lives_ms, steps, (done, met, top))
        done += int(np.count_nonzero(changed.marks[part] & DID))
        met += int(np.count_nonzero(changed.marks[part] & MET))
        top += int(np.count_nonzero(changed.marks[part] & LISTED))


def records(changed: Changed, half_lives_ms: Sequence[int]) -> Iterator[tuple[bytes | None, bytes]]:
    """The same as (key, value), one by one."""
    return chain.from_iterable(chunks(changed, half_lives_ms, _AT_ONCE))


def _written(
    changed: Changed, part: slice, half_lives_ms: Sequence[int], steps: NDArray[np.int64], before: tuple[int, int, int]
) -> Packed:
    """The records of a part of the users, `before` which so many memories, sketches and lists were written."""
    slots, marks = changed.changed[part], changed.marks[part]
    each = list(zip((changed.memories, changed.people, changed.tops), before, (DID, MET, LISTED), strict=True))
    copied = sum(of.between(first, int(np.count_nonzero(marks & mark))) for of, first, mark in each)
    text, bounds = Texts.room(8 * len(slots), MOST_ROW * len(slots) + 3 * changed.names.named(slots).size + copied)
    count = kept.write(
        *(
            changed.names.arrays,
            slots,
            changed.rows[part],
            marks,
            changed.known.day_of[part],
            changed.known.since[part],
            *(of[part] for of in changed.lately),
            *chain.from_iterable((of.text, of.ends, first) for of, first, _ in each),
            steps,
            np.array(half_lives_ms),
            text,
            bounds,
        )
    )
    ends = bounds[: 2 * count + 1]
    return Packed(Texts(text, ends[:-1:2], ends[1::2]), Texts(text, ends[1::2], ends[2::2]))


def load(table: Table, rows: Packed, written: int = FORMAT) -> None:
    """Put records of users, kept in the format `written`, into a table whose landmarks are set. Later ones win.

    Raises CloutError for what is no such record; nothing is put then.
    """
    _READERS[written].rows(table, rows)


def count(key: bytes, value: bytes) -> int:
    """What a person would ask a record: how many actions of them, engagements with them, or people are in it."""
    if key[:1] == DID_KEY:
        return int(_ACTED.unpack_from(value)[3])
    if key[:1] == MET_KEY:
        return value[0] if value[0] != REGISTERED else round(float(estimated(padded(value), 1, REGISTERS, HIGHEST)))
    mask = _GOT_HEAD.unpack_from(value)[4]
    if not mask & _ENGAGEMENTS_BIT:
        return 0
    return int(_FLOAT.unpack_from(value, _GOT_HEAD.size + 8 * (mask & (_ENGAGEMENTS_BIT - 1)).bit_count())[0])


def _load(table: Table, rows: Packed) -> None:
    beside = np.isin(rows.keys.text[rows.keys.starts], _BESIDE) & (rows.keys.ends > rows.keys.starts)
    if beside.any():
        some = [(key, value) for (key, value), one in zip(rows, beside.tolist(), strict=True) if one]
        closes.load(table, [one for one in some if one[0][:1] == closes.KEY])
        episodes.load(table, [one for one in some if one[0][:1] == episodes.KEY])
        tied.load(table, [one for one in some if one[0][:1] not in (closes.KEY, episodes.KEY)])
        rows = rows.where(~beside)
    keys, values = rows.keys, rows.values
    records = keys.text, keys.starts, keys.ends, values.text, values.starts, values.ends
    wrong = int(kept.unsound(*records))
    if wrong >= 0:
        key = keys[wrong]
        if key[:1] not in (DID_KEY, GOT_KEY, MET_KEY, LISTED_KEY):
            raise CloutError(f"the topic `state` has a record of an unknown sort: key {key[:40]!r}")
        raise _damaged(key)
    table.room(len(keys), keys.size)
    lives = table.model.half_lives_ms
    steps = np.array([at // life for at, life in zip(table.landmarks, lives, strict=True)])
    done = 0
    while done < len(keys):
        left = len(keys) - done
        arenas = (
            table.memory.room_for_one(),
            table.people.room_for_one(),
            table.days.room_for(left),
            table.hours.room_for(left),
            table.tops.room_for_one(),
        )
        done = restored.read(table.users.arrays, table.cells, *arenas, *records, steps, np.array(lives), done)


def _damaged(key: bytes) -> CloutError:
    return CloutError(f"the topic `state` has a damaged record: key {key[:40]!r}")


class _Reader(NamedTuple):
    """How what one format wrote is read."""

    header: Callable[[bytes], Header]
    rows: Callable[[Table, Packed], None]


#: Every format this version reads. A header tells the format of all rows of its partition: who raises FORMAT adds a line here,
#: and has a partition of an older format written whole with its first commit.
_READERS = {7: _Reader(_decode, _load)}
