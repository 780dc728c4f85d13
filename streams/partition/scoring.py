"""Stage 2 of a partition, keyed by target: unpack engagements and fold them into the rows of those engaged with;
lines of accounts into the rows of their persons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.events import Reject
from streams.fold.rows import UNDO
from streams.formats import engagements as packed
from streams.formats.feeds import Heard
from streams.formats.ranks import Counted
from streams.model.engagements import Engagements
from streams.model.lines import MOST_ACCOUNTS, Told
from streams.model.receiving import receive
from streams.model.table import Table
from streams.model.users import Slots
from streams.partition.rejected import Rejected
from streams.people import persons

_SKEW_MS = 3_600_000  # how far another worker's clock may be ahead of ours


class Scoring:
    """Packs of engagements in; remembers their times, and who has lost engagements to undos."""

    def __init__(self, table: Table, rejected: Rejected, partitions: int) -> None:
        self._table, self._rejected, self._partitions = table, rejected, partitions
        self.counted: dict[int, Counted] = {}  #: how the scores of partitions are spread: the newest that each has told
        self._heard: list[Heard] = []  # what partitions have told of feeds since this was asked last
        self._waiting: list[Engagements] = []
        self._lines: list[tuple[Told, str, Any]] = []  # and the topic and record that they came in
        self.careful = False  #: see Intake
        self._times: list[NDArray[np.int64]] = []
        self._reversed: list[Slots] = []

    def packs(self, full: str, records: Any, newest_ms: int) -> None:
        """Records of `engagements`, whose full name is `full`."""
        for record in records:
            try:
                arrived = packed.arrived(record.value or b"", newest_ms + _SKEW_MS, careful=self.careful)
            except ValueError as error:
                self._rejected.pack(full, record, error)
                continue
            if isinstance(arrived, Told):
                self._lines.append((arrived, full, record))
            elif isinstance(arrived, Counted):
                self._spread(arrived, full, record)
            elif isinstance(arrived, Heard):
                self._hear(arrived, full, record)
            else:
                self._waiting.append(arrived)

    def _spread(self, counted: Counted, full: str, record: Any) -> None:
        number, known = counted.partition, self.counted.get(counted.partition)
        if number >= self._partitions:
            why = f"counted scores of partition {number}; there are {self._partitions}"
            self._rejected.pack(full, record, ValueError(why))
        elif known is None or counted.version > known.version:
            self.counted[number] = counted

    def _hear(self, heard: Heard, full: str, record: Any) -> None:
        if heard.partition >= self._partitions:
            why = f"feeds of partition {heard.partition}; there are {self._partitions}"
            self._rejected.pack(full, record, ValueError(why))
        else:
            self._heard.append(heard)

    def take_heard(self) -> list[Heard]:
        """What partitions have told of feeds since this was asked last."""
        heard, self._heard = self._heard, []
        return heard

    def receive(self) -> int:
        """Fold the packs that came since the last call; returns how many engagements they held."""
        packs, self._waiting = self._waiting, []
        for pack, slots in zip(packs, receive(self._table, packs), strict=True):
            undone = (pack.codes & UNDO) != 0
            self._reversed.append(slots[undone])
            self._times.append(pack.times[~undone])  # an undo carries the time of what it undoes
        lines, self._lines = self._lines, []
        self._table.advance(max((told.clock for told, _, _ in lines), default=0))
        all_refused = persons.take(self._table, [told for told, _, _ in lines])
        for (_, full, record), refused in zip(lines, all_refused, strict=True):
            if refused:
                why = f"a person has at most {MOST_ACCOUNTS} accounts, and these found no place: {', '.join(refused)[:500]}"
                self._rejected.event(full, record, Reject("too_many_accounts", "$", why))
        return sum(map(len, packs)) + sum(len(told) for told, _, _ in lines)

    def take_times(self) -> list[NDArray[np.int64]]:
        """Event times of the engagements folded since this was asked last."""
        times, self._times = self._times, []
        return times

    def take_reversed(self) -> Slots:
        """Who has lost engagements to undos folded since this was asked last."""
        slots, self._reversed = self._reversed, []
        return np.concatenate(slots) if slots else np.zeros(0, np.intp)
