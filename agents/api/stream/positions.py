"""Where a listener is: in each stream of each shard the last entry seen. As text it is the cursor that clients hand back."""

from __future__ import annotations

import re
from typing import NamedTuple

from agents.api.ids import malformed


class Ident(NamedTuple):
    """The id of an entry, in the order of its stream."""

    ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"


Position = tuple[Ident, ...]
START = Ident(0, 0)  #: before the first entry

_ID = re.compile(r"(\d{1,19})-(\d{1,19})", re.ASCII)


def text_of(position: Position) -> str:
    """The cursor."""
    return ",".join(map(str, position))


def ident_of(text: str) -> Ident:
    """Of what Redis wrote."""
    ms, _, number = text.partition("-")
    return Ident(int(ms), int(number))


def read(text: str, streams: int, where: str) -> Position:
    """The position of a cursor. Raises Problem 422 for what is none of this API, or of another number of shards."""
    parts = text.split(",", streams)
    found = [_ID.fullmatch(part) for part in parts]
    if not all(found):
        raise malformed(where, "this is no cursor of the stream; take the last `id` as it came, or begin without one")
    if len(parts) != streams:
        raise malformed(where, "a cursor of another number of shards; begin without one")
    return tuple(Ident(int(one[1]), int(one[2])) for one in found if one)
