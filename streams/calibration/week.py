"""One week of real events as columns, and what each engagement in it weighs.

What an event weighs depends on what its actor did before: in a week that begins from nothing engagements weigh 1.7 times what they
do once everyone has a past. So the week is folded by the product itself several times over, each time by the week's holders of the
roles; from `LEARNT` weeks on weights are taken to stay as they are (what the actors remember has reached 94 % of what it will be).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.calibration.turnover import Numbers, Turnover
from streams.errors import CloutError
from streams.events import KINDS, NEWEST_MS, Reject, parse
from streams.fold.rows import FOLLOW, UNDO
from streams.model.table import Table
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats
from streams.offline import BLOCK, Core
from streams.sources.record import Produced
from streams.topics import KIND_OF

WEEK_MS, HOUR_MS = 7 * DAY_MS, 3_600_000
LEARNT = 4  #: weeks that are folded one by one
_SHORTEST_MS = 6 * DAY_MS
_NETWORK = "n"


@dataclass(frozen=True, slots=True)
class Week:
    """Events in their order, (n,) each. Users are roles, numbered from 0; times are ms since `start_ms`, a full hour."""

    kinds: NDArray[np.int64]
    actors: Numbers
    targets: Numbers  #: -1: not named, of an undo
    times: Numbers
    ids: Numbers
    refs: Numbers  #: -1: no undo
    start_ms: int
    roles: int
    unusable: int  #: records that are no events
    later: int  #: events left out, since they are later than a week after the first

    @property
    def engagements(self) -> Numbers:
        """How many each role got, (roles,), those undone included."""
        to_others = (self.targets >= 0) & (self.refs < 0) & (self.targets != self.actors)
        return np.bincount(self.targets[to_others], minlength=self.roles)

    def hours(self) -> tuple[int, int]:
        """The busiest hour of the day and the quietest, 0 to 23, UTC."""
        counts = np.bincount((self.times + self.start_ms) // HOUR_MS % 24, minlength=24)
        return int(counts.argmax()), int(counts.argmin())

    def values(self, number: int, holders: Numbers) -> Iterator[tuple[list[bytes], list[int]]]:
        """The events once more in week `number`, done by the holders of the roles: blocks of records and kinds."""
        actors, targets = holders[self.actors].tolist(), np.where(self.targets < 0, -1, holders[self.targets]).tolist()
        times = (self.times + (self.start_ms + number * WEEK_MS)).tolist()
        kinds, ids, refs = self.kinds.tolist(), self.ids.tolist(), self.refs.tolist()
        for first in range(0, len(kinds), BLOCK):
            part = range(first, min(first + BLOCK, len(kinds)))
            yield (
                [
                    (
                        f'{{"id":"{ids[i]}~{number}","network":"{_NETWORK}","actor":"{actors[i]}","ts":{times[i]}'
                        + (f',"target":"{targets[i]}"' if targets[i] >= 0 else "")
                        + (f',"ref":"{refs[i]}~{number}","undo":true}}' if refs[i] >= 0 else "}")
                    ).encode()
                    for i in part
                ],
                kinds[first : first + BLOCK],
            )


def read(records: Iterable[Produced], name: str) -> Week:
    """A week out of records, the first one if there are more; `name` says in errors where they are from.

    Raises CloutError when there is no event, or less than six days of them.
    """
    users: dict[str, int] = {}
    names: dict[str, int] = {}
    columns: list[tuple[int, int, int, int, int, int]] = []
    unusable = 0
    for record in records:
        kind = KIND_OF[record.topic]
        event = parse(record.value, KINDS[kind], NEWEST_MS)
        if isinstance(event, Reject):
            unusable += 1
            continue
        actor = users.setdefault(f"{event.network}:{event.actor}", len(users))
        target = users.setdefault(f"{event.network}:{event.target}", len(users)) if event.target else -1
        ref = names.setdefault(event.ref, len(names)) if event.undo and event.ref else -1
        columns.append((kind, actor, target, event.ts, names.setdefault(event.id, len(names)), ref))
    if not columns:
        raise CloutError(f"{name}: no event in it, so there is no week to repeat")
    kinds, actors, targets, times, ids, refs = np.array(columns, np.int64).T
    start = int(times.min()) // HOUR_MS * HOUR_MS
    within = times < start + WEEK_MS
    span_ms = int(times[within].max()) - start
    if span_ms < _SHORTEST_MS:
        raise CloutError(
            f"{name}: its events lie within {span_ms / DAY_MS:.2g} days; a week is repeated, so at least 6 days are needed"
        )
    return Week(
        *(kinds[within], actors[within], targets[within], times[within] - start, ids[within], refs[within]),
        start_ms=start,
        roles=len(users),
        unusable=unusable,
        later=int((~within).sum()),
    )


class Weighed(NamedTuple):
    """The engagements of a week, (n,) each."""

    roles: Numbers  #: of those engaged with
    weights: Floats  #: of an undo below 0
    times: Numbers  #: ms since the beginning of the week; of an undo that of what it undoes
    follows: Numbers  #: net followers more: 1, 0 or -1


def weigh(week: Week, people: Turnover, model: Model, done: Callable[[int], None] | None = None) -> list[Weighed]:
    """What the engagements of the first weeks, `LEARNT` at most, weigh; folded as a worker does. About 7 us an event.

    `done` is told how many events have been folded.
    """
    table, core, found, folded = Table(model), Core(), [], 0
    for number, holders in enumerate(people.holders[:LEARNT]):
        slots, columns = [], []
        for values, kinds in week.values(number, holders):
            for pack, whose in core.fold(table, values, kinds, NEWEST_MS):
                slots.append(whose)
                columns.append((pack.weights.copy(), pack.times.copy(), pack.codes.copy()))
            folded += len(values)
            if done:
                done(folded)
        role_of = np.full(people.people, -1)
        role_of[holders] = np.arange(week.roles)
        person_of = np.array([int(name[len(_NETWORK) + 1 :]) for name in table.users[:]], np.int64)
        weights, times, codes = (np.concatenate(some) for some in zip(*columns, strict=True))
        follows = np.where(codes & FOLLOW, np.where(codes & UNDO, -1, 1), 0)
        start = week.start_ms + number * WEEK_MS
        roles = role_of[person_of[np.concatenate(slots)]]
        found.append(Weighed(roles, weights.astype(np.float64), times - start, follows))
    return found


def actions(week: Week) -> tuple[Numbers, Numbers, Numbers]:
    """What roles did themselves: (roles, times, signs), (n,) each; repeats are none, an undo takes back what it names."""
    known: dict[tuple[int, int, int], int] = {}
    found: list[tuple[int, int, int]] = []
    keys = zip(*(c.tolist() for c in (week.actors, week.kinds, week.ids, week.refs, week.times)), strict=True)
    for actor, kind, ident, ref, ts in keys:
        if ref < 0 and (actor, kind, ident) not in known:
            known[actor, kind, ident] = ts
            done = (actor, ts, 1)
        elif ref >= 0 and known.get((actor, kind, ref), -1) >= 0:
            done = (actor, known[actor, kind, ref], -1)
            known[actor, kind, ref] = -1
        else:
            continue
        found.append(done)
    roles, times, signs = np.array(found, np.int64).reshape(-1, 3).T
    return roles, times, signs
