"""Events of several blocks as lines of columns, on their way into `act`: see `streams.fold.parse`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams import events
from streams.events import KINDS, OLDEST_MS, Event, Reject
from streams.fold import actors
from streams.fold.event import ASTRAY, EVENT, NOBODY
from streams.fold.parse import parse
from streams.fold.words import SPARE
from streams.model import about
from streams.model.memory import id_key, target_key
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.partitioner import partition_of

_KEPT_BYTES = 16 << 20  # room that is kept for the next blocks
_NO_EVENT = np.zeros((), EVENT)
Kinds = int | Sequence[int]


class _Run(NamedTuple):
    topic: str
    start: int  #: the line it begins with


class Parsed:
    """Lines and the text that their places are of. Cleared and filled again, so that arrays are made once."""

    def __init__(self) -> None:
        self.lines: NDArray[np.void] = np.zeros(1024, EVENT)
        self.text: NDArray[np.uint8] = np.zeros(1 << 16, np.uint8)
        self._runs: list[_Run] = []
        self._count = self._used = 0

    def __len__(self) -> int:
        return self._count

    def clear(self) -> None:
        """Forget all."""
        self._runs.clear()
        self._count = self._used = 0
        if len(self.text) > _KEPT_BYTES:
            self.text = np.zeros(1 << 16, np.uint8)

    def begins(self, topic: str) -> None:
        """What is added next is of this topic, in its order."""
        self._runs.append(_Run(topic, self._count))

    def add(self, values: Texts, kinds: Kinds, newest_ms: int, *, careful: bool = False) -> list[tuple[int, Reject]]:
        """Records as lines, of one kind or one each; those that are no events (number among these, why) become empty lines.

        They lie one behind another. `newest_ms`: the latest time an event may carry. `careful`: no kernel reads them.
        """
        n = len(values)
        if not n:
            return []
        low, high = int(values.starts[0]), int(max(values.starts[-1], values.ends[-1]))
        moved = self._put(values.text[low:high]) - low
        starts, ends = values.starts + moved, values.ends + moved
        first = self._room(n)
        usual, each = np.empty(n, np.bool_), np.empty(n, np.uint8)
        each[:] = kinds
        if careful:
            usual[:] = False
        else:
            parse(self.text, starts, ends, each, _bounds(newest_ms), self.lines, first, usual)
        if usual.all():
            return []
        rejects = []
        for i in np.flatnonzero(~usual).tolist():
            kind = int(each[i])
            found = events.parse(values.get(i), KINDS[kind], newest_ms)
            if isinstance(found, Reject):
                self.lines[first + i] = _NO_EVENT
                rejects.append((i, found))
            else:
                self._fill(first + i, found, kind)
        return rejects

    def find_actors(self, table: Table, first: int, partitions: int, number: int) -> list[int]:
        """Find the actors of the lines from `first` on in `table`, newcomers at home in partition `number` added.

        Returns those, counted from `first`, whose actors are at home elsewhere.
        """
        part = self.lines[first : self._count]
        lengths = part["network_len"].sum(dtype=np.int64) + part["actor_len"].sum(dtype=np.int64)
        table.room(len(part), int(lengths) + len(part))
        actors.find_actors(table.users.arrays, self.text, self.lines, first, self._count, partitions, number)
        slots = part["slot"]
        return np.flatnonzero(slots == ASTRAY).tolist() if slots.min(initial=0) < 0 else []

    def home(self, line: int, partitions: int) -> int:
        """The partition of a line's actor."""
        e = self.lines[line]
        network, actor = (self.text[e[f"{n}_at"] :][: e[f"{n}_len"]].tobytes() for n in ("network", "actor"))
        return partition_of(f"{network.decode()}:{actor.decode()}", partitions)

    @property
    def times(self) -> NDArray[np.int64]:
        """(n,) event times, ms."""
        times: NDArray[np.int64] = self.lines["ts"][: self._count]
        return times

    def of(self, lines: Slots) -> tuple[Slots, NDArray[np.int64]]:
        """(n,) actors and (n,) times, ms, of these lines."""
        return self.lines["slot"][lines].astype(np.intp), self.lines["ts"][lines]

    def leave_out_after(self, ms: int) -> int:
        """Events later than that are none, before their actors are found; returns how many."""
        part = self.lines[: self._count]
        later = (part["ts"] > ms) & (part["network_len"] > 0)
        part[later] = _NO_EVENT
        return int(later.sum())

    def in_order(self) -> Slots:
        """The lines of those whose actor is here, as they came."""
        return np.flatnonzero(self.lines["slot"][: self._count] >= 0)

    def in_time_order(self) -> Slots:
        """The lines of those whose actor is here, by event time, each topic in its own order."""
        here = self.lines["slot"][: self._count] >= 0
        if len({run.topic for run in self._runs}) < 2:
            return self.in_order()
        times = np.where(here, self.times, 0)
        reached: dict[str, int] = {}
        for run, end in zip(self._runs, [*(run.start for run in self._runs[1:]), self._count], strict=True):
            if run.start < end:  # a late event stays behind those that its topic has before it
                part = np.maximum.accumulate(times[run.start : end])
                times[run.start : end] = np.maximum(part, reached.get(run.topic, 0))
                reached[run.topic] = int(times[end - 1])
        order = np.argsort(times, kind="stable")
        return order if here.all() else order[here[order]]

    def _room(self, more: int) -> int:
        first, self._count = self._count, self._count + more
        if self._count > len(self.lines):
            self.lines.resize(self._count + max(len(self.lines), 1024), refcheck=False)
        return first

    def _put(self, text: NDArray[np.uint8]) -> int:
        """Put bytes behind those that are there; where they begin."""
        start, self._used = self._used, self._used + len(text)
        if self._used + SPARE > len(self.text):
            self.text.resize(self._used + SPARE + len(self.text), refcheck=False)
        self.text[start : self._used] = text
        self.text[self._used : self._used + SPARE] = 0
        return start

    def _fill(self, line: int, event: Event, kind: int) -> None:
        """A line for an unusual event; its texts go behind the others."""
        texts = (
            *(event.network.encode(), event.actor.encode(), event.target.encode()),
            *(about.object_(event.object), about.topics(event.topics or ())),
        )
        at = self._put(np.frombuffer(b"".join(texts), np.uint8))
        keys = id_key(event.id, kind), id_key(event.ref or "", kind), target_key(event.target)
        lengths = [len(text) for text in texts]
        places = [at + start for start in accumulate((0, *lengths[:-1]))]
        self.lines[line] = (event.ts, *keys, *places, NOBODY, *lengths, kind, event.undo)


def _bounds(newest_ms: int) -> NDArray[np.int64]:
    return np.array(
        [
            *(OLDEST_MS, newest_ms, events.MAX_NETWORK_BYTES, events.MAX_ID_BYTES),
            *(events.MAX_OBJECT, events.MAX_TOPICS, events.MAX_TOPIC, events.MAX_EVENT_BYTES),
        ]
    )
