"""Batches that cannot be read: one that will not decompress costs itself, not the stream.

aiokafka raises from the middle of a fetch, forgets the records before the damage and moves on past them. `guard` puts a
thin shell around the batches of a fetch: what is readable comes out, the damage comes out as one record that becomes a reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from streams.broker.batches import Shell, shelled
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


class _Readable(Shell):
    """A batch whose iteration never raises."""

    def __iter__(self) -> Iterator[Any]:
        offset = self._batch.base_offset
        try:
            for record in self._batch:
                offset = record.offset + 1
                yield record
        except Exception as error:  # noqa: BLE001 - every codec raises something else; whatever it is, the batch is damaged
            why = f"{type(error).__name__}: {error}"[:300].encode()
            yield _Damage(offset, self._batch.max_timestamp, 0, None, None, ((UNDECODABLE, why),))


def guard(fetched: dict[Any, Any]) -> None:
    """Put the shell around every fetch result of aiokafka's fetcher that has not been read yet."""
    for _ in shelled(fetched, _Readable):
        pass
