"""From blocks to rows and outputs, for one partition number. Pure: no clock, no broker, no Redis.

Order matters only here and in `turns`, which decides what is folded first. What leaves is collected until `cut`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.errors import LostInput
from streams.events import KIND_INDEX, KINDS, Event, Reject, parse
from streams.formats import engagements as packed
from streams.formats import rejects, strays
from streams.formats.rejects import Origin
from streams.formats.strays import Stray
from streams.model import engagements
from streams.model.acting import act
from streams.model.engagements import UNDO, Engagements, Pack
from streams.model.receiving import receive
from streams.model.table import DID, Slots, Table
from streams.partition.block import UNDECODABLE, Block
from streams.partition.cut import Cut
from streams.partition.turns import Turns
from streams.partitioner import partition_of, partitions_of
from streams.topics import ENGAGEMENTS, SOURCES, STRAYS

_SKEW_MS = 3_600_000  # how far another worker's clock may be ahead of ours


class _Events(NamedTuple):
    """Events on their way into `act`, with their kinds and their actors' slots."""

    events: list[Event]
    kinds: list[int]
    slots: list[int]
    topics: list[tuple[str, int]]  #: where the events of a topic begin, block by block

    def in_time_order(self) -> tuple[list[Event], list[int], list[int]]:
        """Events, kinds and slots by event time, each topic in its own order."""
        n, starts = len(self.events), [at for _, at in self.topics]
        if len({name for name, _ in self.topics}) < 2 or n < 2:
            return self.events, self.kinds, self.slots
        times = np.fromiter((event.ts for event in self.events), np.int64, n)
        reached: dict[str, int] = {}
        for (name, start), end in zip(self.topics, [*starts[1:], n], strict=True):
            if start < end:  # a late event stays behind those that its topic has before it
                part = np.maximum.accumulate(times[start:end])
                times[start:end] = np.maximum(part, reached.get(name, 0))
                reached[name] = int(times[end - 1])
        order = np.argsort(times, kind="stable").tolist()
        return [self.events[i] for i in order], [self.kinds[i] for i in order], [self.slots[i] for i in order]


class Intake(Turns):
    """A table and the blocks on their way into it."""

    def __init__(
        self,
        table: Table,
        number: int,
        partitions: int,
        prefix: str = "",
        *,
        more: Callable[[str], bool] = lambda _: False,
        monotonic_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        super().__init__(prefix, more, monotonic_s)
        self.table, self.number, self._partitions = table, number, partitions
        self.positions: dict[str, int] = {}
        self.pending = 0  # events and engagements folded since the last cut
        self._reset()

    def _reset(self) -> None:
        self._outgoing: dict[int, Pack] = {}
        self._strays: dict[int, list[Stray]] = {}
        self._rejects: list[tuple[bytes, bytes]] = []
        self._times: list[NDArray[np.int64]] = []
        self._reversed: list[str] = []

    def take_times(self) -> list[NDArray[np.int64]]:
        """Event times of the engagements folded since the cut; they will not be in the next one."""
        times, self._times = self._times, []
        return times

    def take_reversed(self) -> Slots:
        """Who has lost engagements to undos folded since this was asked last, or since the cut."""
        users, self._reversed = self._reversed, []
        return self.table.slots(users)

    # -- folding ---------------------------------------------------------------------------------------------------

    def fold(self, block: Block, newest_ms: int) -> None:
        """Fold one block, see `fold_all`."""
        self.fold_all([block], newest_ms)

    def fold_all(self, blocks: Sequence[Block], newest_ms: int) -> None:
        """Fold what lies beyond the positions; no event may be later than `newest_ms`. Raises LostInput for a hole.

        Engagements are folded before events, events of different topics by event time.
        """
        events = _Events([], [], [], [])
        packs: list[Engagements] = []
        for block in blocks:
            topic = self._base(block)
            at = self.positions[topic]
            if block.before > at:
                raise LostInput(
                    f"{block.topic}[{self.number}]: a hole between {at} and {block.before}; the worker stops so that "
                    "nothing is lost, and reads again from its position when restarted"
                )
            records = block.records if block.before == at else [r for r in block.records if r.offset >= at]
            events.topics.append((topic, len(events.events)))
            if topic == ENGAGEMENTS.name:
                packs += self._packs(block.topic, records, newest_ms)
            elif topic == STRAYS.name:
                self._strayed(block.topic, records, newest_ms, events)
            else:
                self._arrived(block.topic, topic, records, newest_ms, events)
            self.positions[topic] = max(at, block.after)
            self.pending += max(len(records), 1)
        if packs:
            pack = engagements.joined(packs)
            receive(self.table, pack)
            undone = (pack.codes & UNDO) != 0
            self._reversed += [pack.targets[i] for i in np.flatnonzero(undone).tolist()]
            self._times.append(pack.times[~undone])  # an undo carries the time of what it undoes
            self.pending += len(pack.targets)
        weighed = Pack()
        act(self.table, *events.in_time_order(), weighed)
        self._send_home(weighed)

    def _arrived(self, full: str, topic: str, records: Any, newest_ms: int, events: _Events) -> None:
        kind = _KIND_OF[topic]
        name = KINDS[kind]
        parsed = [parse(record.value, name, newest_ms) for record in records]
        if Reject in map(type, parsed):
            for record, found in zip(records, parsed, strict=True):
                if isinstance(found, Reject):
                    self._reject(_damage(record) or found, Origin(full, self.number, record.offset), record.value)
            records = [record for record, found in zip(records, parsed, strict=True) if isinstance(found, Event)]
        good = [found for found in parsed if isinstance(found, Event)]
        users = [f"{event.network}:{event.actor}" for event in good]
        slots = self.table.users.find(users)
        if None in slots:  # whoever has a row is at home here; only newcomers can be astray
            for i, slot in enumerate(slots):
                if slot is None:
                    home = partition_of(users[i], self._partitions)
                    if home == self.number:
                        slots[i] = self.table.slot(users[i])
                    else:
                        origin = Origin(full, self.number, records[i].offset)
                        self._strays.setdefault(home, []).append(Stray(kind, origin, records[i].value))
                        self.table.counts.strays += 1
            good = [event for event, slot in zip(good, slots, strict=True) if slot is not None]
        events.events.extend(good)
        events.kinds.extend([kind] * len(good))
        events.slots.extend([slot for slot in slots if slot is not None])

    def _strayed(self, full: str, records: Any, newest_ms: int, events: _Events) -> None:
        for record in records:
            try:
                arrived = strays.decode(record.value or b"")
            except ValueError as error:
                self._bad_pack(full, record, error)
                continue
            for stray in arrived:
                event = parse(stray.value, KINDS[stray.kind], newest_ms)
                if isinstance(event, Reject):
                    self._reject(event, stray.origin, stray.value)
                    continue
                user = f"{event.network}:{event.actor}"
                if partition_of(user, self._partitions) != self.number:
                    why = f"still not its actor's partition; do all workers have {self._partitions} partitions?"
                    self._reject(Reject("astray_twice", "$.actor", why), stray.origin, stray.value)
                    continue
                events.events.append(event)
                events.kinds.append(stray.kind)
                events.slots.append(self.table.slot(user))

    def _packs(self, full: str, records: Any, newest_ms: int) -> Iterator[Engagements]:
        for record in records:
            try:
                yield packed.decode(record.value or b"", newest_ms + _SKEW_MS)
            except ValueError as error:
                self._bad_pack(full, record, error)

    def _bad_pack(self, full: str, record: Any, error: ValueError) -> None:
        reject = _damage(record) or Reject("bad_pack", "$", str(error))
        self._reject(reject, Origin(full, self.number, record.offset), record.value)

    def _reject(self, reject: Reject, origin: Origin, value: bytes | None) -> None:
        self.table.counts.rejected += 1
        self._rejects.append(rejects.record(reject, origin, value))

    def _send_home(self, pack: Pack) -> None:
        """Engagements go to their targets' partitions. Sorted at each fold, not at the cut: nobody waits long for either."""
        if not len(pack):
            return
        for home, part in engagements.split(pack, partitions_of(pack.targets, self._partitions)).items():
            if home in self._outgoing:
                self._outgoing[home].extend(part)
            else:
                self._outgoing[home] = part

    # -- what leaves -----------------------------------------------------------------------------------------------

    def cut(self, now_ms: int | None = None) -> Cut:
        """Everything since the last cut, to be scored at `now_ms` (without it: at the newest event time).

        Only what later folding would change is copied: 30 ms for 200,000 rows. The rest is the sender's work.
        """
        table = self.table
        changed, marks = table.changed()
        now_ms = table.clock if now_ms is None else now_ms
        cut = Cut(
            dict(self.positions),
            self._outgoing,
            self._strays,
            self._rejects,
            changed,
            self._times,
            table.clock,
            table.day,
            table.counts.as_dict(),
            table.cells.take(changed, axis=0),
            table.decays(now_ms),
            now_ms,
            marks,
            table.names,
            list(map(table.memory.__getitem__, changed[(marks & DID) != 0].tolist())),
            tuple(table.landmarks),
        )
        self._reset()
        self.pending = 0
        return cut


_KIND_OF = {t.name: KIND_INDEX[t.kind] for t in SOURCES if t.kind}


def _damage(record: Any) -> Reject | None:
    """Is this the record that stands for a batch that cannot be read?"""
    if record.headers:
        for name, why in record.headers:
            if name == UNDECODABLE:
                return Reject(
                    "undecodable_batch",
                    "$",
                    f"the batch cannot be read from here to its end: {(why or b'').decode(errors='replace')}",
                )
    return None
