"""Batches that cannot be read: one that will not decompress costs itself, not the stream.

aiokafka raises from the middle of a fetch, forgets the records before the damage and moves on past them. `guard` puts a
thin shell around the batches of a fetch: what is readable comes out, the damage comes out as one record that becomes a reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from streams.broker.block import UNDECODABLE


class _Damage(NamedTuple):
    """Looks like a record; stands for the unreadable rest of a batch."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    checksum: int | None = None


class _Batch:
    """A batch whose iteration never raises."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        offset = self._batch.base_offset
        try:
            for record in self._batch:
                offset = record.offset + 1
                yield record
        except Exception as error:  # noqa: BLE001 - every codec raises something else; whatever it is, the batch is damaged
            why = f"{type(error).__name__}: {error}"[:300].encode()
            yield _Damage(offset, self._batch.max_timestamp, 0, None, None, ((UNDECODABLE, why),))


class _Records:
    """The batches of one fetch, each in its shell."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        # control batches are read by aiokafka itself; the old formats 0 and 1 have no `is_control_batch`
        return batch if getattr(batch, "is_control_batch", True) else _Batch(batch)


def guard(fetched: dict[Any, Any]) -> None:
    """Put the shell around every fetch result of aiokafka's fetcher that has not been read yet."""
    for result in fetched.values():
        waiting = getattr(result, "_partition_records", None)
        if waiting is not None and not isinstance(waiting._records, _Records):
            waiting._records = _Records(waiting._records)
