"""What a partition could not use since the last cut: kept with the reason and counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

from streams.events import Reject
from streams.formats import rejects
from streams.formats.rejects import Origin
from streams.model.table import Counts
from streams.partition.block import UNDECODABLE


class Rejected:
    """Records for the topic `rejects`."""

    def __init__(self, counts: Counts, number: int) -> None:
        self._counts, self._number = counts, number
        self._records: list[tuple[bytes, bytes]] = []
        self.reasons: Counter[str] = Counter()  #: since the take-over

    def add(self, reject: Reject, origin: Origin, value: bytes | None) -> None:
        """A record that was first read at `origin` cannot be used."""
        self._counts.rejected += 1
        self.reasons[reject.reason] += 1
        self._records.append(rejects.record(reject, origin, value))

    def event(self, topic: str, record: Any, reject: Reject) -> None:
        """An event of `topic` (full name) cannot be used."""
        self.add(_damage(record) or reject, Origin(topic, self._number, record.offset), record.value)

    def pack(self, topic: str, record: Any, error: ValueError) -> None:
        """A pack of engagements or strays cannot be used."""
        self.event(topic, record, Reject("bad_pack", "$", str(error)))

    def take(self) -> list[tuple[bytes, bytes]]:
        """(key, value) of all of them; the next cut begins with none."""
        records, self._records = self._records, []
        return records


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
