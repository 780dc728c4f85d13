"""Lists after a run: what `state` keeps of topics, people, objects and of whom memory has lost, beside the plain fold."""

from __future__ import annotations

from collections.abc import Iterator

from streams.fold.rows import QUARTER
from streams.fold.tops import MOST, PEOPLE
from streams.fold.who import EXACT
from streams.model.table import Table
from streams.model.tops import Entry

_NAMES = ("topics", "people", "objects", "forgotten")
CLOSE = 1e-5  #: of a weight: they have 32 bits, and are added up in another order
_ALIKE = (
    0.2  # of an estimate of people: of the first ones less of a hash is known, and who they are depends on the order
)


def lists(table: Table, wanted: Table, *, close: float = CLOSE, remembered: bool = True) -> Iterator[str]:
    """Everybody's lists, as they weigh at the end, to `close` (part of a weight).

    One that is not full has all there was, exactly. Of full ones, which depend on order, people who are in both weigh the same,
    if memories are `remembered`: if nobody did more than a memory holds.
    """
    for user in table.users:
        slots = table.users.get(user), wanted.users.get(user)
        if None in slots:
            continue
        found, there = (
            one.tops.lists(int(slot or 0), wanted.clock, one.model.half_lives_ms[QUARTER])
            for one, slot in zip((table, wanted), slots, strict=True)
        )
        for sort, (own, other) in enumerate(zip(found, there, strict=True)):
            if max(len(own), len(other)) < MOST[sort]:
                yield from _exact(f"{_NAMES[sort]} of {user}", own, other, close)
            elif len(own) != len(other):
                yield f"rows: {_NAMES[sort]} of {user}: {len(own)} instead of {len(other)}"
            elif sort == PEOPLE and remembered:
                yield from _heaviest(user, own, other, close)


def _exact(what: str, own: list[Entry], other: list[Entry], close: float) -> Iterator[str]:
    entries, expected = ({one.name: one for one in some} for some in (own, other))
    for name in sorted(entries.keys() | expected.keys()):
        if name not in entries or name not in expected:
            yield f"rows: {what}: {name} is {'missing' if name in expected else 'not expected'}"
        elif not _same(entries[name], expected[name], close):
            yield f"rows: {what}: {entries[name]} instead of {expected[name]}"


def _same(one: Entry, other: Entry, close: float) -> bool:
    people = one.people == other.people
    if min(one.people, other.people) > EXACT:
        people = abs(one.people - other.people) <= _ALIKE * other.people
    rest = (one.error, *one[4:]) == (other.error, *other[4:])  # first, last and kinds
    return people and rest and _near(one, other, close)


def _near(one: Entry, other: Entry, close: float) -> bool:
    return abs(one.weight - other.weight) <= close * max(1.0, other.weight)


def _heaviest(user: str, own: list[Entry], other: list[Entry], close: float) -> Iterator[str]:
    expected = {one.name: one for one in other}
    for one in own:
        if one.name in expected and not _near(one, expected[one.name], close):
            yield f"rows: people of {user}: {one} instead of {expected[one.name]}"
