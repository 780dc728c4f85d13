"""Batches that cannot be read: one that will not decompress costs itself, not the stream.

What is readable before the damage comes out, the damage as one record that becomes a reject.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from streams.partition.block import UNDECODABLE


class _Damage(NamedTuple):
    """Looks like a record; stands for the unreadable rest of a batch."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    checksum: int | None = None


def readable(batches: Iterable[Any], first: int) -> list[Any]:
    """The records of these batches (see batches.py), those of the first one from its beginning.

    Offsets below `first` were handed out before; damage that begins there is reported at `first`.
    """
    found: list[Any] = []
    for batch in batches:
        before = len(found)
        try:
            found.extend(batch)  # keeps what came before an exception
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - every codec raises something else; whatever it is, the batch is damaged
            at = found[-1].offset + 1 if len(found) > before else batch.base_offset
            why = f"{type(error).__name__}: {error}"[:300].encode()
            found.append(_Damage(max(at, first), batch.max_timestamp, 0, None, None, ((UNDECODABLE, why),)))
    return found
