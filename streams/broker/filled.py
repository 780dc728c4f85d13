"""Batches to be sent, filled by a kernel: what is private about them in aiokafka. For aiokafka 0.14.

Known are: what a producer asks of a batch that is given to `send_batch`, whoever made it; and where a producer keeps which codec
it has, how large a batch may be, and whether it is in transactions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from aiokafka import codec as codecs
from aiokafka.record.default_records import DefaultRecordBase as _Kept
from crc32c import crc32c

from streams.fold import batch
from streams.fold.batch import MOST_HEAD
from streams.fold.words import SPARE
from streams.formats.packed import Packed
from streams.partition.ports import Records

_V2, _NO_EPOCH, _HEAD = 2, -1, _Kept.HEADER_STRUCT
_ENCODERS: dict[int, Callable[[Any], bytes]] = {
    _Kept.CODEC_GZIP: codecs.gzip_encode,
    _Kept.CODEC_SNAPPY: codecs.snappy_encode,
    _Kept.CODEC_LZ4: codecs.lz4_encode,
    _Kept.CODEC_ZSTD: codecs.zstd_encode,
}
_AT_ONCE = 1_000  # records that come one by one are packed so many at a time


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
        done, self._end = batch.put(
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
            whole, used = self._text.data[: self._end], 0
            if self._codec:
                body = bytes(whole[_HEAD.size :])
                shorter = _ENCODERS[self._codec](body)
                if len(shorter) < len(body):
                    whole, used = memoryview(bytearray(_HEAD.size) + shorter), self._codec
            attributes = used | (_Kept.TRANSACTIONAL_MASK if self._transactional else 0)
            about = (attributes, self._count - 1, self._first_ms, self._last_ms, *self._producer, self._count)
            length = len(whole) - _Kept.AFTER_LEN_OFFSET
            _HEAD.pack_into(whole, 0, 0, length, _NO_EPOCH, _V2, 0, *about)
            checksum = crc32c(whole[_Kept.ATTRIBUTES_OFFSET :])
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


def packed(records: Records) -> Iterator[Packed]:
    """Records in arrays, a thousand at a time if they come one by one."""
    if isinstance(records, Packed):
        yield records
        return
    left = iter(records)
    while some := list(itertools.islice(left, _AT_ONCE)):
        yield Packed.of(some)
