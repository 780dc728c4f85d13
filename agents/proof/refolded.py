"""The second verdict: what partitions have committed, folded again in the order in which it was folded, comes to the same.

It goes by order as the default model does. Compared are, commit by commit, headers, score records and alerts; in the end the
rows that `state` keeps, and what partitions have sent each other.

Given, not judged: who was published though nothing had happened to them, for whom an idle pass finds depends on when it came by
(their scores and alerts are compared); and how partitions tell that scores are spread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import orjson

from agents.proof.lists import lists
from agents.proof.refolding import Committed, Record, Refold
from agents.proof.travelled import apart, travelled
from streams import offline
from streams.formats.header import Header
from streams.model.closes import history
from streams.model.memory import done
from streams.model.table import Table
from streams.policies.book import Book
from streams.settings import Settings
from streams.topics import ALERTS, ENGAGEMENTS, REJECTS, SCORES

CLOSE = 1e-9  #: of a number: sums that were read back from `state` may be scaled otherwise
#: what a header says of who wrote it, and what is folded by
_GIVEN = ("generation", "topics", "begun", "origin", "published_from", "models", "turns")
_SUMS = ".parts.kinds", ".parts.networks"  #: what was taken back may leave a trace of 1e-16, and is told, as 0, or not


def differences(
    partitions: Sequence[Committed], rows: Mapping[int, Table], book: Callable[[int], Book], settings: Settings
) -> Iterator[str]:
    """What is wrong, in words. `rows` are those that `state` keeps; `book` gives the rules of whoever has read so far.

    What partitions have sent to each other is compared of all together: a record does not say who has sent it.
    """
    packs: dict[int, list[bytes | None]] = defaultdict(list)  # by where they went
    for of in partitions:
        if of.headers:
            if any(of.headers[0].counts.values()):
                yield f"{of.number}: the first commit that is left had counted already: {of.headers[0].counts}"
            refold = Refold(of, book, settings)
            for one in _commits(of, refold, packs):
                yield f"{of.number}: {one}"
            for one in _rows(rows[of.number], refold.table):
                yield f"{of.number}: rows: {one}"
    for of in partitions:
        came = travelled(record.value for record in of.inputs[ENGAGEMENTS.name])
        for one in apart(came, travelled(packs[of.number])):
            yield f"{of.number}: engagements: {one}"


def _commits(of: Committed, refold: Refold, packs: dict[int, list[bytes | None]]) -> Iterator[str]:
    """The records of one partition, commit by commit; notes in `packs` what it has sent."""
    scores, alerts = _by_version(of.scores), _by_version(filter(_of_users, of.alerts))
    rejects: list[bytes | None] = []
    for header in of.headers:
        published = scores.pop(header.version, [])
        made = refold.commit(header, [record["user"] for record in published])
        sent, number, what = refold.sent.records, of.number, f"version {header.version}"
        for name in Header.__struct_fields__:
            if name not in _GIVEN and getattr(made, name) != getattr(header, name):
                yield f"{what}: the header says {name} {getattr(header, name)} instead of {getattr(made, name)}"
        for topic, key, found in (
            (SCORES.name, "user", published),
            (ALERTS.name, "id", alerts.pop(header.version, [])),
        ):
            again = [one for _, value in sent[topic, number] if _of_users(one := orjson.loads(value or b""))]
            yield from _apart(f"{what}: {topic}", key, found, again)
        rejects += [key for key, _ in sent[REJECTS.name, number]]
        for (topic, to), some in sent.items():
            if topic == ENGAGEMENTS.name:
                packs[to].extend(value for _, value in some)
    yield from (f"version {version}: {len(some)} records, and no header" for version, some in (scores | alerts).items())
    if rejects != list(of.rejects):
        yield f"rejects: {of.rejects} instead of {rejects}"


def _rows(kept: Table, table: Table) -> Iterator[str]:
    """What `state` keeps of everybody, beside the rows that it comes to."""
    kept.days.closes_ms = table.days.closes_ms
    now_ms = max(table.clock, table.days.closed_ms)
    found, again = ([orjson.loads(one.record) for one in offline.scored(rows, now_ms)] for rows in (kept, table))
    yield from _apart("records", "user", found, again)
    yield from lists(kept, table)
    for user in kept.users:
        if table.users.get(user) is None:
            continue
        one, other = ((rows, int(rows.users.get(user) or 0)) for rows in (kept, table))
        for name, part in _PARTS.items():
            if where := [*_unlike(part(*one), part(*other))]:
                yield f"{name} of {user}: {'; '.join(where)}"


#: what is kept of a user beside what a record tells; as it is
_PARTS: dict[str, Callable[[Table, int], Any]] = {
    "memory": lambda table, slot: [[*one] for one in done(table.memory[slot])],
    "closes": lambda table, slot: msgspec.to_builtins([*history(table, slot)]),
    "people": lambda table, slot: table.people[slot],
    "episodes": lambda table, slot: [[*one] for one in sorted(table.episodes.of(table.cells, slot))],
}


def _of_users(record: Record) -> bool:
    """Is it about a user? Alerts about feeds are left to `agents.proof.feeds`."""
    return record.get("type") != "feed"


def _by_version(records: Iterable[Record]) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        found[record["version"]].append(record)
    return found


def _apart(what: str, name_of: str, records: Sequence[Record], made: Sequence[Record]) -> Iterator[str]:
    """What was found beside what it comes to, by the field that names each."""
    found, again = ({record[name_of]: record for record in some} for some in (records, made))
    if len(found) < len(records):
        yield f"{what}: {len(records)} records of {len(found)}"
    for name in sorted(found.keys() | again.keys()):
        if name not in found or name not in again:
            yield f"{what}: {name} {'is missing' if name in again else 'is not made again'}"
        elif where := [*_unlike(found[name], again[name])]:
            yield f"{what} of {name}: {'; '.join(where)}"


def _unlike(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Where two values of JSON differ by more than CLOSE."""
    if isinstance(one, dict) and isinstance(other, dict):
        nothing = 0.0 if at.endswith(_SUMS) else None
        for name in sorted(one.keys() | other.keys()):
            yield from _unlike(one.get(name, nothing), other.get(name, nothing), f"{at}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _unlike(a, b, f"{at}[{i}]")
    elif isinstance(one, float) and isinstance(other, float | int):
        if abs(one - other) > CLOSE * max(1.0, abs(one)):
            yield f"{at} {one} instead of {other}"
    elif one != other:
        yield f"{at} {one!r} instead of {other!r}"
