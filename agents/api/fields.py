"""Field selection: `fields=user,score,delta.day` leaves nothing else of each user in an answer."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any

import msgspec
from fastapi import Query

from agents.api.ids import malformed

Record = dict[str, Any]

MOST = 50  #: names at once
_WHERE = "query.fields"

Asked = Annotated[
    list[str] | None,
    Query(
        description="of each user these fields alone, parted by commas, or `fields` several times; what is in another is named "
        "with a dot. Without it all",
        examples=["user,score,delta.day"],
    ),
]


class Fields:
    """Those that were asked for; of None all. Raises Problem 422 for names that no record of that kind has."""

    def __init__(self, asked: Sequence[str] | None, kind: type) -> None:
        self.names = None if asked is None else _names(asked, kind)

    def of(self, record: Record) -> Record:
        """What was asked for, as far as the record has it."""
        if self.names is None:
            return record
        found: Record = {}
        for name in sorted(self.names):
            *above, last = name.split(".")
            own, to = record, found
            for part in above:
                own, to = own.get(part) or {}, to.setdefault(part, {})
            if last in own:
                to[last] = own[last]
        return found


def _names(asked: Sequence[str], kind: type) -> frozenset[str]:
    names, known = {one for some in asked for one in some.split(",") if one}, _known(kind)
    if not 1 <= len(names) <= MOST:
        raise malformed(_WHERE, f"{len(names)} different names; 1 to {MOST} can be asked for at once")
    for name in sorted(names - known):
        near = difflib.get_close_matches(name[:64], known)
        there = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(sorted(known))}"
        raise malformed(_WHERE, f"no record here has {name[:64]!r}; {there}")
    whole = {name for name in names if not any(name.startswith(f"{other}.") for other in names)}
    return frozenset(whole)


@cache
def _known(kind: type) -> frozenset[str]:
    return frozenset(_under("", msgspec.inspect.type_info(kind)))


def _under(before: str, one: msgspec.inspect.Type) -> Iterator[str]:
    if isinstance(one, msgspec.inspect.Metadata):
        yield from _under(before, one.type)
    elif isinstance(one, msgspec.inspect.UnionType):
        for part in one.types:
            yield from _under(before, part)
    elif isinstance(one, msgspec.inspect.StructType):
        for field in one.fields:
            yield f"{before}{field.encode_name}"
            yield from _under(f"{before}{field.encode_name}.", field.type)
