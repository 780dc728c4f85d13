"""A partition folded again from what it has committed: a fresh table that takes its input as the headers of its commits tell.

A header names what was folded together (`turns`), the moment that scores are for, the policies and the model. So nothing is left
of the workers that it had, but the order: no take-over, no Redis, no broker.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from streams.clocks import Clocks
from streams.events import MAX_AHEAD_MS
from streams.fold.rows import CHANGED, MOVED
from streams.formats import state
from streams.formats.header import Header, Turn
from streams.model.table import Table
from streams.model.versions import model
from streams.partition.block import Block
from streams.partition.intake import Intake
from streams.partition.ports import Records, Written
from streams.partition.sending import Outlet, Sender
from streams.partition.turns import Turns
from streams.policies.book import Book
from streams.scoreboard.flush import Versions
from streams.settings import Settings
from streams.topics import STATE

_NEVER = Clocks(lambda: 0.0, lambda: 0.0, lambda: 0.0)

Record = dict[str, Any]
T = TypeVar("T")


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what only gives others their turn, without an event loop."""
    while True:
        try:
            work.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


class Committed(NamedTuple):
    """What one partition has read and written, committed records alone, in the order of their topics."""

    number: int
    inputs: Mapping[str, Sequence[Any]]  #: by base name; records with .offset, .key, .value, .headers
    headers: Sequence[Header]  #: of all commits
    scores: Sequence[Record]
    alerts: Sequence[Record]
    rejects: Sequence[bytes | None]


class _Sent:
    """A publisher of nothing: keeps what an interval sends, by base name and partition."""

    transactional = True
    busy_s = 0.0

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]] = defaultdict(list)

    async def start(self) -> None:
        """See Publisher, as all that follows."""

    async def begin(self) -> None:
        """Another interval."""
        self.records.clear()

    async def send(self, topic: str, partition: int, records: Records) -> None:
        """Keep them."""
        self.records[topic, partition].extend(records)

    async def commit(
        self,
        positions: dict[tuple[str, int], int],  # noqa: ARG002
        *,
        last: bool = False,  # noqa: ARG002
    ) -> dict[tuple[str, int], Written]:
        """They have no offsets."""
        return defaultdict(lambda: Written(0))

    async def stop(self) -> None:
        """Nothing to close."""


class Refold:
    """One partition, folded again, a commit at a time."""

    def __init__(self, of: Committed, book: Callable[[int], Book], settings: Settings) -> None:
        first = of.headers[0]
        self._of, self._book, self._settings = of, book, settings
        self.table = Table(model(first.model))
        self._intake = Intake(
            self.table,
            of.number,
            settings.partitions,
            Turns(settings.topic_prefix),
            closes_ms=settings.day_closes_ms,
        )
        self._intake.positions = dict(first.positions)
        self._offsets = {name: [record.offset for record in records] for name, records in of.inputs.items()}
        self.sent, self._at = _Sent(), book(first.policies)
        outlet = Outlet(of.number, lambda name: name, {}, settings.partitions)
        self._versions = Versions(first.generation)
        self._sender = Sender(self.table, self.sent, outlet, lambda: self._at, self._versions, _NEVER)

    def commit(self, header: Header, published: Iterable[str]) -> Header:
        """What a commit with this header has folded, and sends: see `sent`. Returns the header that this comes to.

        `published` are all who had a score record in it.
        """
        table = self.table
        table.model, table.models = model(header.model), header.models
        table.constants = table.model.constants
        for turn in header.turns:
            self._turn(turn)
        table.days.begin(header.now_ms)
        self._at, self._versions.generation = self._book(header.policies), header.generation
        self._sender.follow(header.now_ms, header.version)
        for user in published:
            slot = table.users.get(user)
            if slot is not None and not table.dirty[slot] & CHANGED:
                table.dirty[slot] |= MOVED
        cut = self._intake.cut(header.now_ms)
        at_once(self._sender.send(cut, header.version))
        return state.read_header(self.sent.records[STATE.name, self._of.number][-1][1] or b"")

    def _turn(self, turn: Turn) -> None:
        blocks = []
        reached = dict(self._intake.positions)
        for name, at in turn.blocks:
            before, offsets = reached[name], self._offsets.get(name, [])
            records = self._of.inputs.get(name, [])[bisect_left(offsets, before) : bisect_left(offsets, at)]
            full = self._settings.topic(name)
            blocks.append(Block(full, self._of.number, before, at, 0, records))
            reached[name] = at
        if self._settings.clock == "wall":
            self.table.days.begin(turn.newest_ms - MAX_AHEAD_MS)
        self._intake.fold_all(blocks, turn.newest_ms)
