"""The whole job over records at hand, without a broker: the same pure functions as in a worker."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.events import Reject, event_time
from streams.formats import engagements, lines
from streams.formats.engagements import local
from streams.model import assess, records
from streams.model.acting import act
from streams.model.engagements import Engagements, Outbox
from streams.model.lines import Told
from streams.model.parsed import Parsed
from streams.model.receiving import receive
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.model.versions import Model
from streams.people import links, persons, telling
from streams.people.controls import Control
from streams.sources.record import Produced
from streams.topics import KIND_OF

BLOCK = 1_000  # records folded together, like a block of a worker
_CHUNK = 8_192  # users whose records are written together


@dataclass(slots=True)
class Report:
    """What `fold` did, beside the table's own counts."""

    read: int = 0  #: records looked at
    later: int = 0  #: left out, because newer than `as_of_ms`
    rejects: Counter[str] = field(default_factory=Counter)  #: by reason
    examples: dict[str, Reject] = field(default_factory=dict)  #: the first of each reason


class Scored(NamedTuple):
    """One user and their score record (JSON)."""

    user: str
    score: float
    record: bytes


def fold(
    produced: Iterable[Produced],
    model: Model,
    *,
    newest_ms: int,
    as_of_ms: int | None = None,
    report: Report | None = None,
    on_block: Callable[[], None] | None = None,
    controls: Iterable[Control] = (),
    closes_ms: int = 0,
) -> Table:
    """Fold records, in the order given, into one table.

    Events later than `newest_ms` are rejected, as a worker does (wall clock + `MAX_AHEAD_MS`); those later than `as_of_ms`
    are left out. `controls` are taken at their times, before the block of events in which these lie. A
    day closes `closes_ms` after midnight, UTC, by the newest event time. Rejects, repeats and the
    rest are in `table.counts`, reasons in `report`. About 4 us an event.
    """
    table, core = Table(model), Core(report)
    table.days.closes_ms = closes_ms
    until_ms = newest_ms if as_of_ms is None else as_of_ms
    waiting = in_time_order(one for one in controls if one.ts <= until_ms)
    source, newest = iter(produced), 0
    while block := list(islice(source, BLOCK)):
        values, kinds = [record.value for record in block], [KIND_OF[record.topic] for record in block]
        if waiting or table.profiles:
            times = (event_time(value) or 0 for value in values)
            newest = max((ts for ts in times if ts <= until_ms), default=0)
        begins = table.days.begins(newest)
        if begins:  # persons are whole when their closes are taken, and what comes late with the first of the new day is in them
            core.sum_up(table)
        core.control(table, waiting, newest)
        core.fold(table, values, kinds, newest_ms, as_of_ms)
        if begins:
            core.sum_up(table)
        if on_block:
            on_block()
    core.control(table, waiting, until_ms)
    core.sum_up(table)
    return table


def in_time_order(controls: Iterable[Control]) -> deque[Control]:
    """By time, each user's in the order given: an older one behind a newer is refused, as in a worker."""
    reached: dict[str, int] = {}
    keyed = []
    for one in controls:
        reached[one.user] = max(reached.get(one.user, 0), one.ts)
        keyed.append((reached[one.user], one))
    return deque(one for _, one in sorted(keyed, key=lambda pair: pair[0]))


class Core:
    """Both stages over one table after another, one block at a time."""

    def __init__(self, report: Report | None = None) -> None:
        self._parsed, self._out, self.report = Parsed(), Outbox(1), report or Report()
        self._versions = count(1)

    def sum_up(self, table: Table) -> None:
        """The rows of persons, of the rows of their accounts that changed: all live in one table here."""
        if table.profiles:
            self.tell(table, *table.changed())

    def tell(self, table: Table, changed: Slots, marks: NDArray[np.uint8]) -> None:
        """The same, of those who have changed, and how."""
        told = telling.cut(table, changed, marks)
        for _, some in telling.homes(told, partitions=1):
            sent = lines.encode(told, some, table.cells[changed], next(self._versions), table.clock)
            arrived = (engagements.arrived(record) for record in sent)
            persons.take(table, [one for one in arrived if isinstance(one, Told)])

    def control(self, table: Table, waiting: deque[Control], until_ms: int) -> None:
        """Put the controls up to this time into rows. One of a later day than all before begins it, as a worker's clock does."""
        while waiting and waiting[0].ts <= until_ms:
            if table.days.begins(waiting[0].ts):
                self.sum_up(table)
                table.days.begin(waiting[0].ts)
                persons.begin_day(table)
            if reject := links.apply(table, [waiting.popleft()])[0]:
                table.counts.rejected += 1
                self.report.rejects[reject.reason] += 1
                self.report.examples.setdefault(reject.reason, reject)

    def fold(
        self, table: Table, values: Sequence[bytes], kinds: Sequence[int], newest_ms: int, as_of_ms: int | None = None
    ) -> list[tuple[Engagements, Slots]]:
        """Fold records of these kinds, in this order, as one block. Returns the engagements, and the slots of their targets."""
        parsed, report = self._parsed, self.report
        for _, reject in parsed.add(Texts.of(values), kinds, newest_ms):
            table.counts.rejected += 1
            report.rejects[reject.reason] += 1
            report.examples.setdefault(reject.reason, reject)
        report.read += len(values)
        if as_of_ms is not None:
            report.later += parsed.leave_out_after(as_of_ms)
        parsed.find_actors(table, 0, partitions=1, number=0)
        act(table, parsed, parsed.in_order(), self._out)
        parsed.clear()
        packs = [one for pack in self._out.take().values() for one in local(pack, table.clock)]
        return list(zip(packs, receive(table, packs), strict=True))


def scored(
    table: Table, as_of_ms: int, top: int | None = None, on_chunk: Callable[[int], None] | None = None
) -> Iterator[Scored]:
    """Everyone at `as_of_ms`, highest score first, equal ones by name; only the first `top` if given. Version is 0.

    `on_chunk` is told how many users have been written so far.
    """
    table.days.begin(as_of_ms)
    persons.begin_day(table)
    slots = np.fromiter(_ranked(table, as_of_ms, top), np.intp)
    for start in range(0, len(slots), _CHUNK):
        part = slots[start : start + _CHUNK]
        done = records.scored(table, part, None, as_of_ms, 0)
        for slot, score, record in zip(part.tolist(), done.scores.tolist(), done.records, strict=True):
            yield Scored(table.users[slot], score, record)
        if on_chunk:
            on_chunk(start + len(part))


def _ranked(table: Table, as_of_ms: int, top: int | None) -> list[int]:
    names, totals = table.users[:], assess.population(table, as_of_ms)
    return sorted(range(len(names)), key=lambda slot: (-totals[slot], names[slot]))[:top]
