"""Batches that cannot be read: one that will not decompress costs itself, not the stream.

What is readable before the damage comes out, the damage as one record that becomes a reject.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from streams.broker.batches import columns
from streams.partition.block import UNDECODABLE
from streams.partition.fetched import Fetched


class _Damage(NamedTuple):
    """Looks like a record; stands for the unreadable rest of a batch."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    checksum: int | None = None


def readable(batches: Iterable[Any], first: int) -> Fetched:
    """The records of these batches (see batches.py), those of the first one from its beginning.

    Offsets below `first` were handed out before; damage that begins there is reported at `first`.
    """
    found: list[Fetched] = []
    for batch in batches:
        records, why = columns(batch)
        found.append(records)
        if why:
            at = int(records.offsets[-1]) + 1 if len(records) else batch.base_offset
            headers = ((UNDECODABLE, why[:300].encode()),)
            found.append(Fetched.of([_Damage(max(at, first), batch.max_timestamp, 0, None, None, headers)]))
    return Fetched.joined(found)
