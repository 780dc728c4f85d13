"""Record batches as aiokafka has them, coming and going: the one place that knows its private fields. For aiokafka 0.14.

aiokafka makes a ConsumerRecord of eleven fields of each record, one by one, which costs more than all else that reading does.
Here a batch comes out of a fetch as one object: the client has checked its checksum, left out what was aborted and moved
the position. Whoever folds takes its records as columns (`columns`); others iterate over the compiled records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from crc32c import crc32c

if TYPE_CHECKING:  # who only sends loads no compiler
    from streams.model.texts import Texts
    from streams.partition.fetched import Encoded, Fetched

_V2, _CHECKED_FROM = 2, 21


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch of format v2 whose bytes can be had. Its records, one by one, are those of the compiled class."""

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)
        self._raw = raw

    def validate_crc(self) -> bool:
        """Is the checksum that of the bytes? The client's own is not the processor's."""
        return bool(crc32c(self._raw[_CHECKED_FROM:]) == self.crc)

    def __iter__(self) -> Iterator[Any]:
        return iter(DefaultRecordBatch(bytes(self._raw)))


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]
    """What a fetch of one partition brought."""

    def next_batch(self) -> Any:
        raw = self._next_slice
        if raw is not None and len(raw) > _Batch.HEADER_STRUCT.size and raw[self.MAGIC_OFFSET] == _V2:
            batch = _Batch(raw)
            if not batch.is_control_batch:
                self._cache_next()
                return batch
        return super().next_batch()


fetcher.MemoryRecords = _Batches


def columns(batch: Any) -> tuple[Fetched, str]:
    """The records of a batch and, if not all can be read, why those behind them cannot."""
    from streams.partition.fetched import Fetched

    try:
        if isinstance(batch, _Batch):
            return _columns(batch)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - every codec raises something else; whatever it is, the batch is damaged
        return Fetched.of([]), f"{type(error).__name__}: {error}"
    found: list[Any] = []
    try:
        found.extend(batch)  # keeps what came before an exception
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        return Fetched.of(found), f"{type(error).__name__}: {error}"
    return Fetched.of(found), ""


def _columns(batch: _Batch) -> tuple[Fetched, str]:
    load = _reading()
    batch._maybe_uncompress()
    raw, end = batch._buffer, len(batch._buffer)
    raw.extend(bytes(load.spare))
    text, n = np.frombuffer(raw, np.uint8), min(max(batch._num_records, 0), end)  # a record has at least a byte
    places = offsets, begins, starts, ends = np.empty((4, n), np.int64)
    whole = load.records(text, batch._pos, end, batch.base_offset, *places)
    why = "" if whole == batch._num_records else f"record {whole + 1} of {batch._num_records} is not as it should be"
    if whole < n:
        offsets, begins, starts, ends = (column[:whole] for column in places)
    return load.fetched(offsets, load.texts(text, starts, ends), load.encoded(begins)), why


class _Reading(NamedTuple):
    records: Any
    spare: int
    texts: type[Texts]
    encoded: type[Encoded]
    fetched: type[Fetched]


@cache
def _reading() -> _Reading:
    """The kernel and what comes of it: loaded by whoever reads in columns, not by who only sends."""
    from streams.fold.records import records
    from streams.fold.words import SPARE
    from streams.model.texts import Texts
    from streams.partition.fetched import Encoded, Fetched

    return _Reading(records, SPARE, Texts, Encoded, Fetched)


def in_whole_batches(fetched: dict[Any, Any]) -> None:
    """From here on these fetch results of aiokafka's fetcher give batches instead of records, as iterables of records.

    The first of them may begin with records below the offset asked for.
    """
    for result in fetched.values():
        waiting = getattr(result, "_partition_records", None)
        if waiting is not None and not isinstance(waiting._records, _Wholes):
            waiting._records = _Wholes(waiting._records)
            waiting._consumer_record = _inside


class _Wholes:
    """The batches of one fetch of one partition, each as a whole."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        return batch if batch.is_control_batch else _Whole(batch)  # aiokafka reads control batches itself


class _Whole:
    """A batch that comes out of aiokafka's loop over its records as the only one of them; the rest is the batch's own."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)

    @property
    def offset(self) -> int:
        """Of its last record, as the client wants to know it of a record."""
        return int(self.batch.next_offset) - 1

    def __iter__(self) -> Iterator[Any]:
        yield self


def _inside(_: Any, whole: _Whole) -> Iterable[Any]:
    inside: Iterable[Any] = whole.batch
    return inside
