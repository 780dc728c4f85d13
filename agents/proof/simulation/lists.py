"""Lists after a run: what `state` keeps of topics, people, objects and of whom memory has lost, beside the plain fold."""

from __future__ import annotations

from collections.abc import Iterator

from agents.proof.simulation.hours import slot_of
from streams.fold.rows import QUARTER
from streams.fold.tops import MOST, PEOPLE
from streams.model.table import Table
from streams.model.tops import Entry

_NAMES = ("topics", "people", "objects", "forgotten")
_CLOSE = 1e-5  # of a weight: they have 32 bits, and are added up in another order


def lists(table: Table, wanted: Table) -> Iterator[str]:
    """Everybody's lists, as they weigh at the end.

    One that is not full has all there was, exactly. Of full ones, which depend on order, people who are in both weigh the same.
    """
    for user in table.users:
        if wanted.users.get(user) is None:
            continue
        found, there = (
            one.tops.lists(slot_of(one, user), wanted.clock, one.model.half_lives_ms[QUARTER])
            for one in (table, wanted)
        )
        for sort, (own, other) in enumerate(zip(found, there, strict=True)):
            if max(len(own), len(other)) < MOST[sort]:
                yield from _exact(f"{_NAMES[sort]} of {user}", own, other)
            elif sort == PEOPLE:
                yield from _heaviest(user, own, other)


def _exact(what: str, own: list[Entry], other: list[Entry]) -> Iterator[str]:
    entries, expected = ({one.name: one for one in some} for some in (own, other))
    for name in sorted(entries.keys() | expected.keys()):
        if name not in entries or name not in expected:
            yield f"rows: {what}: {name} is {'missing' if name in expected else 'not expected'}"
        elif not _same(entries[name], expected[name]):
            yield f"rows: {what}: {entries[name]} instead of {expected[name]}"


def _same(one: Entry, other: Entry) -> bool:
    return one[2:] == other[2:] and _near(one, other)  # error, people, first, last and kinds


def _near(one: Entry, other: Entry) -> bool:
    return abs(one.weight - other.weight) <= _CLOSE * max(1.0, other.weight)


def _heaviest(user: str, own: list[Entry], other: list[Entry]) -> Iterator[str]:
    expected = {one.name: one for one in other}
    if len(own) != len(other):
        yield f"rows: people of {user}: {len(own)} instead of {len(other)}"
    for one in own:
        if one.name in expected and not _near(one, expected[one.name]):
            yield f"rows: people of {user}: {one} instead of {expected[one.name]}"
