"""Records of `state` for what few have: `c` + user what controls said, `l` + person the lines of the accounts.

c   MessagePack of `streams.model.profiles.Profile`          l   all lines of the person, as `streams.formats.lines` has them
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from streams.errors import CloutError
from streams.events import NEWEST_MS
from streams.fold.rows import TIED
from streams.formats import engagements, lines
from streams.model.lines import Told
from streams.model.profiles import Profile
from streams.model.table import Table
from streams.people import links, persons

CONTROL_KEY, LINES_KEY = b"c", b"l"
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Profile).decode


class Tied(NamedTuple):
    """What users have beside their rows, as it was at one moment."""

    profiles: list[tuple[str, Profile]]
    persons: list[str]
    told: Told  #: all their lines, one person's behind another's


def cut(table: Table, changed: np.ndarray, marks: np.ndarray) -> Tied:
    """Of those that have the mark TIED; `changed` (n,) slots, `marks` (n,)."""
    tied = changed[(marks & TIED) != 0].tolist()
    users = dict(zip(tied, table.users.of(np.array(tied, np.intp)), strict=True))
    own = [slot for slot in tied if table.lines.of(slot)]
    names = [users[slot] for slot in own]
    profiles = [(users[slot], table.profiles[slot]) for slot in tied if slot in table.profiles]
    return Tied(profiles, names, table.lines.told(own, names))


def records(tied: Tied) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of each."""
    for user, profile in tied.profiles:
        yield CONTROL_KEY + user.encode(), _encode(profile)
    for person, value in zip(tied.persons, lines.each(tied.told), strict=True):
        yield LINES_KEY + person.encode(), value


def load(table: Table, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Put such records into a table whose landmarks are set; `settle` follows once all are there. Raises CloutError."""
    for key, value in rows:
        try:
            user = key[1:].decode()
            if key[:1] == LINES_KEY:
                told = engagements.arrived(value, NEWEST_MS)
                if not isinstance(told, Told):
                    raise ValueError("no lines")
                table.lines.put(table.slots(told.persons), told)
            else:
                table.profiles[table.slot(user)] = _decode(value)
        except (msgspec.MsgspecError, ValueError) as error:
            raise CloutError(f"the topic `state` has a damaged record: key {key[:40]!r} ({error})") from None


def settle(table: Table) -> None:
    """After everything was loaded: rows of persons are the sums of their lines, and kernels know of links and facts."""
    for slot, profile in table.profiles.items():
        links.put(table, slot, profile)
    if whole := table.lines.persons:
        persons.sum_up(table, whole)
