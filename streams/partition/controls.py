"""Controls of a partition, keyed by user: links and facts into the rows of those whom they are about, at once."""

from __future__ import annotations

from streams.events import Reject
from streams.model.table import Table
from streams.partition.fetched import Fetched
from streams.partition.rejected import Rejected
from streams.partitioner import partition_of
from streams.people import controls, links
from streams.people.controls import Control


class Controls:
    """Records of `controls` in; one that cannot be used changes nothing."""

    def __init__(self, table: Table, number: int, partitions: int, rejected: Rejected) -> None:
        self._table, self._number, self._partitions, self._rejected = table, number, partitions, rejected

    def records(self, full: str, records: Fetched, newest_ms: int) -> None:
        """Records of the topic, whose full name is `full`."""
        read = [self._read(value, newest_ms) for value in records.values]
        refused = iter(links.apply(self._table, [one for one in read if not isinstance(one, Reject)]))
        for i, one in enumerate(read):
            if wrong := one if isinstance(one, Reject) else next(refused):
                self._rejected.event(full, records[i], wrong)

    def _read(self, value: bytes, newest_ms: int) -> Control | Reject:
        control = controls.parse(value, newest_ms)
        if isinstance(control, Reject):
            return control
        if (home := partition_of(control.user, self._partitions)) != self._number:
            why = (
                f"in partition {self._number}, and {control.user!r} is at home in {home}: its key is the user, in UTF-8"
            )
            return Reject("misplaced_control", "$.user", why)
        return control
