"""Records of `state` for what few have: `c` + user what controls said, `l` + person the lines of the accounts.

c   MessagePack of `streams.model.profiles.Profile`          l   all lines of the person, a group as `streams.fold.lines` has them
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.errors import CloutError
from streams.events import NEWEST_MS
from streams.fold import lines as kernels
from streams.fold.rows import MORE, TIED
from streams.formats import lines
from streams.formats.packed import Packed
from streams.model.profiles import Profile
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.people import links, persons

CONTROL_KEY, LINES_KEY = b"c", b"l"
_ROOM = 1 << 20  # bytes that are written at a time
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Profile).decode


class Tied(NamedTuple):
    """What users have beside their rows, as it was at one moment."""

    profiles: list[tuple[str, Profile]]
    lines: list[Packed]  #: their records


def cut(table: Table, changed: Slots, marks: NDArray[np.uint8]) -> Tied:
    """Of those that have the mark TIED; `changed` (n,) slots, `marks` (n,)."""
    tied = changed[(marks & TIED) != 0]
    known = [slot for slot in tied.tolist() if slot in table.profiles]
    names = table.users.of(np.array(known, np.intp))
    profiles = [(name, table.profiles[slot]) for slot, name in zip(known, names, strict=True)]
    return Tied(profiles, list(_lines(table, tied)))


def _lines(table: Table, slots: Slots) -> Iterator[Packed]:
    """Records of those who are persons with lines. Written at once: folding goes on, and a copy would cost as much."""
    theirs, of = table.lines, table.cells[slots, MORE].astype(np.intp)
    some = np.flatnonzero(of < len(theirs.arrays.heads))
    some = some[theirs.arrays.heads[of[some]] > 0]
    slots, of, room, done = slots[some], of[some], _ROOM, 0
    while done < len(slots):
        out, bounds = Texts.room(2 * (len(slots) - done), room)
        part = slice(done, None)
        n = kernels.kept(
            *(table.users.arrays, slots[part], of[part], theirs.arrays, theirs.people.arrays, theirs.names.arrays),
            *(theirs.facts.text, table.days.closed_ms, out, bounds),
        )
        ends = bounds[: 2 * n + 1]
        yield Packed(Texts(out, ends[:-1:2], ends[1::2]), Texts(out, ends[1::2], ends[2::2]))
        done, room = done + n, _ROOM if n else 2 * room


def records(tied: Tied) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of each."""
    return chain.from_iterable(parts(tied))


def parts(tied: Tied) -> Iterator[Iterable[tuple[bytes, bytes]]]:
    """The same, to be sent part by part."""
    if tied.profiles:
        yield [(CONTROL_KEY + user.encode(), _encode(profile)) for user, profile in tied.profiles]
    yield from tied.lines


def load(table: Table, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Put such records into a table whose landmarks are set; `settle` follows once all are there. Raises CloutError."""
    told = [row for row in rows if row[0][:1] == LINES_KEY]
    try:
        persons.keep(table, lines.decode(b"".join(value for _, value in told), NEWEST_MS))
    except ValueError:
        _find_damaged(told)
        raise
    for key, value in rows:
        if key[:1] == CONTROL_KEY:
            try:
                table.profiles[table.slot(key[1:].decode())] = _decode(value)
            except (msgspec.MsgspecError, ValueError) as error:
                raise _damaged(key, error) from None


def _find_damaged(told: Sequence[tuple[bytes, bytes]]) -> None:
    for key, value in told:
        try:
            lines.decode(value, NEWEST_MS)
        except ValueError as error:
            raise _damaged(key, error) from None


def _damaged(key: bytes, error: Exception) -> CloutError:
    return CloutError(f"the topic `state` has a damaged record: key {key[:40]!r} ({error})")


def settle(table: Table) -> None:
    """After everything was loaded: rows of persons are the sums of their lines, and kernels know of links and facts."""
    links.put(table, list(table.profiles))
    persons.sum_up(table, table.lines.persons(table.cells[: len(table)]))
