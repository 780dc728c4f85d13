"""From blocks to rows and outputs, for one partition number. Pure: no clock, no broker, no Redis.

Order matters only here: which block is folded first. What leaves is collected until `cut`.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.broker import rejects, strays
from streams.broker.block import UNDECODABLE, Block
from streams.broker.partition import partition_of
from streams.broker.rejects import Origin
from streams.broker.strays import Stray
from streams.broker.topics import ENGAGEMENTS, SOURCES, STRAYS
from streams.errors import LostInput
from streams.events import KIND_INDEX, KINDS, NEWEST_MS, Event, Reject, event_time, parse
from streams.model import engagements
from streams.model.acting import act
from streams.model.engagements import UNDO, Engagements, Pack
from streams.model.receiving import receive
from streams.model.table import DID, Slots, Table
from streams.model.windows import Floats

FULL = 1_000  # records worth folding without waiting for more
AHEAD_MS = 60_000  # how far in event time one topic may run ahead of another that has records waiting
MISSING_S = 5.0  # how long the others wait for a topic whose records the broker has and does not deliver
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


class Cut(NamedTuple):
    """What one interval sends, and how far it read: one moment between two blocks."""

    positions: dict[str, int]  #: base topic -> next offset to read
    packs: dict[int, Pack]  #: by destination partition
    strays: dict[int, list[Stray]]
    rejects: list[tuple[bytes, bytes]]  #: key, value
    changed: Slots
    times: list[NDArray[np.int64]]  #: event times of the engagements folded
    clock: int
    day: int  #: see `Table`
    counts: dict[str, int]  #: `Counts` at the cut
    rows: Floats  #: the changed users' rows (n, WIDTH), so that folding may go on while they are sent
    decays: Floats  #: what reads the rows at `now_ms`, by the landmarks of the cut
    now_ms: int
    marks: NDArray[np.uint8]  #: (n,) how each user changed: bits DID, GOT, MOVED
    names: Sequence[str]  #: of all slots: a slot keeps its name, so they need not be copied
    memories: list[bytes]  #: of those who acted (DID), in the order of `changed`
    landmarks: tuple[int, ...]


class Intake:
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
        """`more` says of a topic whether the broker has records that were not handed out yet."""
        self.table, self.number, self._partitions, self._prefix = table, number, partitions, prefix
        self._more, self._monotonic_s = more, monotonic_s
        self.positions: dict[str, int] = {}
        self.waiting: dict[str, deque[Block]] = {t.name: deque() for t in SOURCES}
        self.pending = 0  # events and engagements folded since the last cut
        self._reached = dict.fromkeys(_KIND_OF, 0)  # event time of what was handed out last, by event topic
        self._missing: dict[str, float] = {}  # since when the others wait for a topic
        self._reset()

    def _reset(self) -> None:
        self._outgoing: dict[int, Pack] = {}
        self._strays: dict[int, list[Stray]] = {}
        self._rejects: list[tuple[bytes, bytes]] = []
        self._times: list[NDArray[np.int64]] = []
        self._reversed: list[str] = []

    # -- which block next ------------------------------------------------------------------------------------------

    def offer(self, block: Block) -> None:
        """A block has arrived."""
        self.waiting[block.topic.removeprefix(self._prefix)].append(block)

    def next(self, newest_ms: int = NEWEST_MS) -> Block | None:
        """Of the blocks at hand: engagements first, then the one whose first event (not later than `newest_ms`) is oldest.

        Only its part up to a minute beyond the first event of the others is handed out: what an event weighs depends on
        what came before, so in a catch-up no topic may run ahead of another. A topic that the broker has more of, and of
        which nothing is at hand, holds the others back the same way for up to MISSING_S; then None comes.
        """
        if self.waiting[ENGAGEMENTS.name]:
            return self.waiting[ENGAGEMENTS.name].popleft()
        queues = {name: queue for name, queue in self.waiting.items() if queue}
        if not queues:
            return None
        times = {name: _first_time(queue[0], newest_ms) for name, queue in queues.items()}
        oldest = min(times, key=times.__getitem__)
        until_ms = min([at for name, at in times.items() if name != oldest] + self._awaited()) + AHEAD_MS
        if times[oldest] > until_ms:
            return None
        first, rest = _split(queues[oldest].popleft(), until_ms)
        if rest:
            queues[oldest].appendleft(rest)
        if oldest in self._reached and first.records:
            # garbage does not tell: then it is where it was
            self._reached[oldest] = event_time(first.records[-1].value) or times[oldest] or self._reached[oldest]
        return first

    def _awaited(self) -> list[int]:
        """How far those topics were read of which more is on its way and nothing is at hand."""
        found, now_s = [NEWEST_MS], self._monotonic_s()
        for name, reached_ms in self._reached.items():
            if self.waiting[name] or not self._more(name):
                self._missing.pop(name, None)
            elif now_s - self._missing.setdefault(name, now_s) < MISSING_S:
                found.append(reached_ms)
        return found

    def unfetched(self) -> bool:
        """Does the broker have records, of whatever topic, that were not handed out yet?"""
        return any(self._more(name) for name in self.waiting)

    def gather(self, newest_ms: int, most: int = FULL) -> list[Block]:
        """The next blocks, together about `most` records: folding has a fixed cost a call, so small blocks go together."""
        blocks: list[Block] = []
        size = 0
        while size < most and (block := self.next(newest_ms)):
            blocks.append(block)
            size += _size(block)
        return self._in_step(blocks, newest_ms)

    def _in_step(self, blocks: list[Block], newest_ms: int) -> list[Block]:
        """These blocks without the events that are later than what still waits: they go back, and come with the next ones."""
        heads = [_first_time(self.waiting[name][0], newest_ms) for name in _KIND_OF if self.waiting[name]]
        if not heads or len(blocks) < 2:
            return blocks
        until_ms, kept, back = min(heads), [], dict[str, list[Block]]()
        for block in blocks:
            name = block.topic.removeprefix(self._prefix)
            if name not in _KIND_OF:
                kept.append(block)
            elif name in back or _first_time(block, newest_ms) > until_ms:
                back.setdefault(name, []).append(block)
            else:
                first, rest = _split(block, until_ms)
                kept.append(first)
                if rest:
                    back[name] = [rest]
        if not kept:
            return blocks
        for name, later in back.items():
            self.waiting[name].extendleft(reversed(later))
            self._reached[name] = min(self._reached[name], until_ms)
        return kept

    def has_engagements(self) -> bool:
        """Does a pack of engagements wait?"""
        return bool(self.waiting[ENGAGEMENTS.name])

    def take_times(self) -> list[NDArray[np.int64]]:
        """Event times of the engagements folded since the cut; they will not be in the next one."""
        times, self._times = self._times, []
        return times

    def take_reversed(self) -> Slots:
        """Who has lost engagements to undos folded since this was asked last, or since the cut."""
        users, self._reversed = self._reversed, []
        return np.fromiter((self.table.users[user] for user in users), np.intp, len(users))

    def at_hand(self) -> int:
        """About how many records wait to be folded."""
        return sum(_size(block) for queue in self.waiting.values() for block in queue)

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
            topic = block.topic.removeprefix(self._prefix)
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
        name, find = KINDS[kind], self.table.users.get
        add_event, add_kind, add_slot = events.events.append, events.kinds.append, events.slots.append
        for record in records:
            event = parse(record.value, name, newest_ms)
            if isinstance(event, Reject):
                self._reject(_damage(record) or event, Origin(full, self.number, record.offset), record.value)
                continue
            user = f"{event.network}:{event.actor}"
            slot = find(user)
            if slot is None:  # whoever has a row is at home here; only newcomers can be astray
                home = partition_of(user, self._partitions)
                if home != self.number:
                    stray = Stray(kind, Origin(full, self.number, record.offset), record.value)
                    self._strays.setdefault(home, []).append(stray)
                    self.table.counts.strays += 1
                    continue
                slot = self.table.add(user)
            add_event(event)
            add_kind(kind)
            add_slot(slot)

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
                yield engagements.decode(record.value or b"", newest_ms + _SKEW_MS)
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
        homes = np.fromiter((partition_of(target, self._partitions) for target in pack.targets), np.int64, len(pack))
        for home, part in engagements.split(pack, homes).items():
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


def _size(block: Block) -> int:
    """About how many events a block stands for: a pack of engagements holds many."""
    return len(block.records) * (50 if block.topic.endswith(ENGAGEMENTS.name) else 1)


def _first_time(block: Block, newest_ms: int) -> int:
    """Event time of the first readable event, for choosing between blocks; what cannot be read is folded at once."""
    for record in block.records[:8]:
        ts = event_time(record.value)
        if ts is not None and ts <= newest_ms:
            return ts
    return 0


def _split(block: Block, until_ms: int) -> tuple[Block, Block | None]:
    """The part of a block up to an event time, at least one record, and the rest. Records are nearly in time order."""
    records = block.records
    last = event_time(records[-1].value) if records else None
    if last is None or last <= until_ms:
        return block, None
    at = bisect.bisect_right(records, until_ms, lo=1, key=lambda record: event_time(record.value) or 0)
    if at >= len(records):
        return block, None
    middle = records[at].offset
    return block._replace(after=middle, records=records[:at]), block._replace(before=middle, records=records[at:])


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
