"""Record batches as aiokafka has them, coming and going: the one place that knows its private fields. For aiokafka 0.14.

aiokafka makes a ConsumerRecord of eleven fields of each record, one by one, which costs more than all else that reading does.
Here a batch comes out of a fetch as one object: the client has checked its checksum, left out what was aborted and moved
the position. Whoever folds takes its records as columns (`columns`); others iterate over the compiled records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import calc_crc32c

from streams.fold import batch as filling
from streams.fold import records as kernels
from streams.fold.batch import MOST_HEAD
from streams.fold.words import SPARE, padded
from streams.formats.packed import Packed
from streams.partition.fetched import Encoded, Fetched

_V2 = 2
_HEAD, _NO_EPOCH = _DefaultRecordBatchPy.HEADER_STRUCT, -1
_ENCODERS: dict[int, Callable[[Any], bytes]] = {
    _DefaultRecordBatchPy.CODEC_GZIP: codec.gzip_encode,
    _DefaultRecordBatchPy.CODEC_SNAPPY: codec.snappy_encode,
    _DefaultRecordBatchPy.CODEC_LZ4: codec.lz4_encode,
    _DefaultRecordBatchPy.CODEC_ZSTD: codec.zstd_encode,
}


class Batch:
    """What a producer sends as one: as aiokafka's BatchBuilder, but filled by a kernel.

    The client tells it whose it is (`_set_producer_state`) when it takes it from its queue, asks for the bytes (`_build`), and
    asks again when it has to send them again.
    """

    def __init__(self, codec: int, most_bytes: int, *, transactional: bool) -> None:
        self._codec, self._most, self._transactional = codec, most_bytes, transactional
        self._text, self._end = np.empty(0, np.uint8), _HEAD.size
        self._count, self._first_ms, self._last_ms = 0, 0, 0
        self._producer, self._closed, self._built = (-1, -1, 0), False, memoryview(b"")

    def fill(self, records: Packed, first: int, now_ms: int) -> int:
        """Append records from number `first` on; returns how many are in, fewer than there are when it is full.

        A record that is larger than a batch begins its own.
        """
        if first >= len(records):
            return first
        if not self._count:
            self._first_ms = now_ms
        self._last_ms = max(self._last_ms, now_ms, self._first_ms)
        left = records.sizes[first:] + MOST_HEAD
        limit = self._most if self._count else max(self._most, self._end + int(left[0]))
        self._room(min(limit, self._end + int(left.sum())) + SPARE)
        keys, values = records.keys, records.values
        done, self._end = filling.put(
            *(self._text, self._end, self._count, self._last_ms - self._first_ms, keys.text, keys.starts, keys.ends),
            *(values.text, values.starts, values.ends, first, limit),
        )
        self._count += done - first
        return int(done)

    def _room(self, wanted: int) -> None:
        if wanted > len(self._text):
            self._text.resize(max(wanted, min(2 * len(self._text), self._most + SPARE)), refcheck=False)

    def record_count(self) -> int:
        return self._count

    def size(self) -> int:
        return len(self._built) or self._end

    def append(self, **_: Any) -> None:
        """For records sent one by one, which begin another batch."""
        self.close()

    def close(self) -> None:
        self._closed = True

    def closed(self) -> bool:
        return self._closed

    def _set_producer_state(self, producer_id: int, epoch: int, sequence: int) -> None:
        self._producer = producer_id, epoch, sequence

    def _build(self) -> memoryview:
        self.close()
        if not self._built:
            whole, used = memoryview(self._text)[: self._end], 0
            if self._codec:
                body = bytes(whole[_HEAD.size :])
                shorter = _ENCODERS[self._codec](body)
                if len(shorter) < len(body):
                    whole, used = memoryview(bytearray(_HEAD.size) + shorter), self._codec
            attributes = used | (_Batch.TRANSACTIONAL_MASK if self._transactional else 0)
            about = (attributes, self._count - 1, self._first_ms, self._last_ms, *self._producer, self._count)
            length = len(whole) - _Batch.AFTER_LEN_OFFSET
            _HEAD.pack_into(whole, 0, 0, length, _NO_EPOCH, _V2, 0, *about)
            checksum = calc_crc32c(whole[_Batch.ATTRIBUTES_OFFSET :])
            _HEAD.pack_into(whole, 0, 0, length, _NO_EPOCH, _V2, checksum, *about)
            self._built, self._text = whole, np.empty(0, np.uint8)
        return self._built


def opened(producer: Any) -> Batch:
    """A batch for a producer's records."""
    own = getattr(producer, "_message_accumulator", None)
    if own is None:  # what a bench puts in its place
        made: Batch = producer.create_batch()
        return made
    state = producer._txn_manager
    transactional = state is not None and state.transactional_id is not None
    return Batch(own._compression_type, own._batch_size, transactional=transactional)


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch of format v2 whose bytes can be had. Its records, one by one, are those of the compiled class."""

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)
        self._raw = raw

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
    batch._maybe_uncompress()
    raw = bytes(batch._buffer)
    text, n = padded(raw), min(max(batch._num_records, 0), len(raw))  # a record has at least a byte
    offsets, begins, starts = np.empty((3, n), np.int64)
    lengths, headers = np.empty(n, np.int32), np.empty(n, np.bool_)
    whole = kernels.records(text, batch._pos, len(raw), batch.base_offset, offsets, begins, starts, lengths, headers)
    why = "" if whole == batch._num_records else f"record {whole + 1} of {batch._num_records} is not as it should be"
    return Fetched(text, offsets[:whole], starts[:whole], lengths[:whole], Encoded(begins[:whole])), why


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
