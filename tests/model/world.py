"""A small world for the tests: one table, where every engagement arrives at its target in the same breath."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from streams.events import KIND_INDEX, Event
from streams.fold.packs import NAMES
from streams.fold.rows import DID, GOT, LISTED, MET
from streams.formats import closes, tied
from streams.formats.engagements import decode, local
from streams.model.acting import act
from streams.model.closes import known
from streams.model.engagements import Engagements, Outbox, Pack
from streams.model.parsed import Parsed
from streams.model.receiving import receive
from streams.model.records import scored
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.model.versions import DAY_MS, PLAIN, Model
from streams.partition.cut import Cut
from streams.people import telling

T0 = 1_767_225_600_000  # 2026-01-01T00:00:00Z, ms
HOUR_MS = 3_600_000
YEAR_MS = 365 * DAY_MS
NETWORK = "net"

# One rule at a time: `plain` with just that rule switched on.
SELECTIVE = replace(PLAIN, name="selective", selective=True)
STANDING = replace(PLAIN, name="standing", standing_floor=0.8, standing_gain=0.4)
NOVEL = replace(PLAIN, name="novel", novelty_floor=0.25)

_ids = count()


def event(actor: str, target: str = "", ts: int = T0, event_id: str | None = None, **more: Any) -> Event:
    """An event of one network, with an id of its own unless it is given."""
    return Event(id=event_id or f"e{next(_ids)}", network=NETWORK, actor=actor, target=target, ts=ts, **more)


def weigh(table: Table, events: Iterable[tuple[str, Event]]) -> Engagements:
    """Stage 1 alone: (kind, event) pairs as one block; what would travel to the targets, in one record."""
    (pack,) = weigh_all(table, events) or [nothing(table.clock)]
    return pack


def weigh_all(table: Table, events: Iterable[tuple[str, Event]]) -> list[Engagements]:
    """The same in as many records as it takes."""
    pairs = list(events)
    parsed, out = Parsed(), Outbox(1)
    kinds = [KIND_INDEX[kind] for kind, _ in pairs]
    assert not parsed.add(Texts.of([msgspec.json.encode(event) for _, event in pairs]), kinds, 2**62)
    assert not parsed.find_actors(table, 0, partitions=1, number=0)
    act(table, parsed, parsed.in_order(), out)
    return local(out.take().get(0, Pack(table.users)), table.clock)


def nothing(clock: int) -> Engagements:
    """A pack without engagements."""
    return decode(msgspec.msgpack.encode((2, clock, [], dict.fromkeys(NAMES, b""))))


class World:
    """Both stages on one table."""

    def __init__(self, model: Model = PLAIN) -> None:
        self.table = Table(model)

    def fold(self, *events: tuple[str, Event]) -> Engagements:
        """Fold (kind, event) pairs as one block, and their engagements after it. Returns the engagements."""
        pack = weigh(self.table, events)
        receive(self.table, [pack])
        return pack

    def later(self, now_ms: int) -> None:
        """It is that late: days may have closed."""
        self.table.days.begin(now_ms)

    def did(
        self, kind: str, actor: str, target: str = "", ts: int = T0, event_id: str | None = None, **more: Any
    ) -> float:
        """One event in a block of its own; the weight it had, 0 when nothing went out."""
        pack = self.fold((kind, event(actor, target, ts, event_id, **more)))
        return float(pack.weights[0]) if len(pack.weights) else 0.0

    def undo(self, kind: str, actor: str, ref: str, ts: int = T0, event_id: str | None = None) -> float:
        """Take back `ref`, naming no target."""
        return self.did(kind, actor, "", ts, event_id, undo=True, ref=ref)

    def record(self, user: str, now_ms: int = T0, version: int = 1) -> dict[str, Any]:
        """The user's score record, out of its JSON."""
        slots = np.array([self.table.slot(f"{NETWORK}:{user}")])
        result: dict[str, Any] = orjson.loads(scored(self.table, slots, None, now_ms, version).records[0])
        return result

    def cell(self, user: str, column: int) -> float:
        """One number of a user's row."""
        return float(self.table.cells[self.table.slot(f"{NETWORK}:{user}"), column])


def cut(table: Table, slots: Slots, now_ms: int, marks: NDArray[np.uint8] | None = None) -> Cut:
    """These users as an interval's cut, with nothing else in it."""
    marks = np.full(len(slots), DID | GOT, np.uint8) if marks is None else marks
    return Cut(
        positions={},
        packs={},
        strays={},
        rejects=[],
        turns=(),
        changed=slots,
        clock=table.clock,
        day=table.days.today,
        closed_ms=table.days.closed_ms,
        counts=table.counts.as_dict(),
        rows=np.ascontiguousarray(table.cells[slots]),
        known=known(table, slots, now_ms),
        lately=table.hours.lately(slots),
        decays=table.decays(now_ms),
        now_ms=now_ms,
        marks=marks,
        names=table.users,
        memories=table.memory.copied(slots[(marks & DID) != 0]),
        people=table.people.copied(slots[(marks & MET) != 0]),
        tops=table.tops.copied(slots[(marks & LISTED) != 0]),
        retold=slots[(marks & (LISTED | DID)) != 0],
        landmarks=tuple(table.landmarks),
        tied=tied.cut(table, slots, marks),
        closes=closes.cut(table, slots[closes.lacking(table, slots)]),
        telling=telling.cut(table, slots, marks),
        counted={},
    )
