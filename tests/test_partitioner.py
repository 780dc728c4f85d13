"""Users live where Kafka's partitioner puts their keys."""

from __future__ import annotations

from aiokafka.partitioner import murmur2  # type: ignore[import-untyped,unused-ignore]
from hypothesis import given
from hypothesis import strategies as st

from streams.partitioner import partition_of


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), st.integers(1, 1_000))
def test_any_user_is_where_kafka_puts_the_key(user: str, n: int) -> None:
    """For every user and partition count the C hash gives what the plain Python partitioner of a Kafka client gives."""
    assert partition_of(user, n) == (murmur2(user.encode()) & 0x7FFFFFFF) % n


def test_the_key_of_a_record_and_the_user_it_names_agree() -> None:
    """Bytes and text of the same user give the same partition."""
    assert partition_of("bluesky:did:plc:ü", 12) == partition_of("bluesky:did:plc:ü".encode(), 12)


def test_known_places() -> None:
    """Values of Kafka's own UtilsTest: murmur2 of `21` is -973932308 and of `foobar` -790332482."""
    assert partition_of("21", 1_000) == (-973932308 & 0x7FFFFFFF) % 1_000
    assert partition_of("foobar", 1_000) == (-790332482 & 0x7FFFFFFF) % 1_000
