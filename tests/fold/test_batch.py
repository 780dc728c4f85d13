"""Batches of a kernel's making, read back by aiokafka's own reader, beside those of its own builder."""

from __future__ import annotations

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from streams.broker.filled import Batch
from streams.formats.packed import Packed

NOW_MS = 1_767_225_600_000
MOST = 900_000
Record = tuple[bytes | None, bytes]
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def records(count: int) -> list[Record]:
    """Every size at which a number takes one byte more, empty ones, and some without a key."""
    sizes = (0, 1, 55, 56, 57, 58, 63, 64, 65, 300, 8_180, 8_191, 8_192, 8_193)
    return [
        (None if n % 5 == 4 else f"k{n}".encode() * (n % 40 + 1) if n % 7 else b"", b"%d" % n + b"v" * sizes[n % 14])
        for n in range(count)
    ]


def theirs(some: list[Record], codec: int, *, transactional: bool) -> bytes:
    """The same batch by the client's builder."""
    builder = BatchBuilder(MOST, codec, is_transactional=transactional)
    for key, value in some:
        assert builder.append(timestamp=NOW_MS, key=key, value=value)
    builder._set_producer_state(77, 3, 11)
    return bytes(builder._build())


@pytest.mark.parametrize("transactional", [True, False])
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("count", [1, 15, 300])
def test_a_batch_is_what_the_client_would_have_built(count: int, codec: int, transactional: bool) -> None:
    """Byte for byte, whatever the codec: heads, checksum, records; filled in two goes."""
    some = records(count)
    made = Batch(codec, MOST, transactional=transactional)
    assert made.fill(Packed.of(some[: count // 2]), 0, NOW_MS) == count // 2
    assert made.fill(Packed.of(some), count // 2, NOW_MS) == count
    made._set_producer_state(77, 3, 11)
    built = bytes(made._build())
    assert (made.record_count(), made.closed(), made.size()) == (count, True, len(built))
    if codec != CODECS["gzip"] and (
        count > 1 or not codec
    ):  # gzip has the time in it; what would grow we leave as it is
        assert built == theirs(some, codec, transactional=transactional)
    read = DefaultRecordBatch(built)
    assert read.validate_crc()
    assert [(one.key, one.value, one.timestamp) for one in read] == [(k, v, NOW_MS) for k, v in some]
    assert bytes(made._build()) == built  # sent again


def test_a_full_batch_says_how_far_it_came() -> None:
    """What does not fit is for the next; all together are all, none larger than the limit, but for one record that is."""
    some = [*records(100), (b"large", bytes(20_000)), *records(3)]
    packed, done, read = Packed.of(some), 0, list[Record]()
    while done < len(some):
        made = Batch(0, 10_000, transactional=True)
        began, done = done, made.fill(packed, done, NOW_MS)
        assert done > began
        assert made.fill(packed, done, NOW_MS) == done or done == len(some)
        built = bytes(made._build())
        assert len(built) <= 10_000 or began == 100
        read += [(one.key, one.value) for one in DefaultRecordBatch(built)]
    assert read == some


def test_records_keep_their_own_time() -> None:
    """Those that come later into an open batch are as much later; a clock that goes back moves nothing back."""
    made = Batch(0, MOST, transactional=False)
    for at, ms in enumerate((NOW_MS, NOW_MS + 20_000, NOW_MS - 5)):
        made.fill(Packed.of([(b"k", b"%d" % at)]), 0, ms)
    read = DefaultRecordBatch(bytes(made._build()))
    assert [one.timestamp for one in read] == [NOW_MS, NOW_MS + 20_000, NOW_MS + 20_000]
    assert (read.first_timestamp, read.max_timestamp) == (NOW_MS, NOW_MS + 20_000)


def test_packed_records_iterate_as_pairs() -> None:
    """As those they were made of; without keys none has one."""
    some = records(20)
    assert list(Packed.of(some)) == some
    assert list(Packed(None, Packed.of(some).values)) == [(None, value) for _, value in some]
    assert list(Packed.of([])) == []
