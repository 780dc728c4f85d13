"""What producers get wrong most often: the reject says what came and what to send instead."""

from __future__ import annotations

import uuid

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import Event, Reject, parse

MS = 1_783_123_200_000
NEWEST_MS = MS + 600_000
EVENT = orjson.dumps({"id": "1", "network": "n", "actor": "a", "target": "b", "ts": MS})
SCHEMA = uuid.UUID(int=0x1234)
AVRO = b"\x02\x31\x02\x6e\x02\x61\x02\x62"


def refused(value: bytes) -> Reject:
    found = parse(value, "like", NEWEST_MS)
    assert isinstance(found, Reject)
    return found


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"\0\0\0\0\x07" + EVENT, "schema id 7, then JSON"),
        (b"\0\0\1\0\0" + AVRO, "schema id 65536, then Avro"),
        (b"\0\0\0\0\x07\0" + AVRO, "schema id 7, then Avro, Protobuf"),
        (b"\0\0\0\0\0\0\0\0\x09" + EVENT, "schema id 9, then JSON"),
        (b"\0\0\0\0\x07", "schema id 7"),
        (b"\0\0\0\0\0\0\0\0\x09" + AVRO, "schema id 9, then Avro"),
        (b"\1" + SCHEMA.bytes + EVENT, str(SCHEMA)),
        (b"\3\0" + SCHEMA.bytes + EVENT, "AWS Glue"),
        (b"\3\5" + SCHEMA.bytes + b"\x78\x9c", "AWS Glue"),
    ],
)
def test_framing_of_a_schema_registry(value: bytes, says: str) -> None:
    """Its name is the reason; the message has the schema's id, what follows and what to do."""
    found = refused(value)
    assert (found.reason, found.path) == ("schema_registry_framing", "$")
    assert says in found.message
    assert "schema registry" in found.message
    assert "send plain JSON" in found.message


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\xc3\x01" + bytes(8) + AVRO, "Avro's single-object"),
        (EVENT.decode().encode("utf-16"), "UTF-16"),
        (EVENT.decode().encode("utf-16-be"), "UTF-16"),
        (EVENT.decode().encode("utf-32-be"), "UTF-32"),
        (b"\xef\xbb\xbf" + EVENT, "byte order mark"),
        (b"<html>", "HTML"),
        (bytes(99), "a block of NUL bytes"),
    ],
)
def test_other_encodings(value: bytes, says: str) -> None:
    """What is no JSON is called by its name, where it has one."""
    found = refused(value)
    assert found.reason == "not_json"
    assert says in found.message
    assert "UTF-8" in found.message


def test_an_event_without_a_type() -> None:
    """Which a feed marks, so that no topic takes it for its own kind: the mark is not what the producer sent."""
    found = refused(EVENT[:-1] + b',"type":"missing"}')
    assert (found.reason, found.path) == ("unknown_kind", "$.type")
    assert found.message.startswith("the event has no `type`; one of like, follow")


def test_an_event_encoded_twice() -> None:
    """JSON within a text of JSON, as of a serializer that was given a text."""
    assert "encoded twice" in refused(orjson.dumps(EVENT.decode())).message


@pytest.mark.parametrize(
    ("ts", "reason", "meant"),
    [
        ("1783123200.5", "wrong_type", MS + 500),
        ("1783123200.0", "wrong_type", MS),
        ("1783123200000.0", "wrong_type", MS),
        ("1783123200000.25", "wrong_type", MS),
        ("1.7831232e12", "wrong_type", MS),
        ("1783123200000000.5", "wrong_type", MS),
        ('"2026-07-04T00:00:00Z"', "wrong_type", MS),
        ('"2026-07-04T02:00:00+02:00"', "wrong_type", MS),
        ('"2026-07-04 00:00:00"', "wrong_type", MS),
        ('"1783123200"', "wrong_type", MS),
        ('"1783123200000"', "wrong_type", MS),
        ("1783123200", "ts_too_small", MS),
        ("1783123200000000", "ts_in_future", MS),
        ("1783123200000000000", "ts_in_future", MS),
        ("0", "ts_too_small", None),
        ('"soon"', "wrong_type", None),
        ("null", "wrong_type", None),
        ("true", "wrong_type", None),
        ('{"$date":1}', "wrong_type", None),
        ("1e400", "wrong_type", None),
    ],
)
def test_ts_in_another_form(ts: str, reason: str, meant: int | None) -> None:
    """The message says what came, that milliseconds are expected, and the number that was meant where it is plain."""
    found = refused(EVENT.replace(str(MS).encode(), ts.encode()))
    assert (found.reason, found.path) == (reason, "$.ts")
    assert "milliseconds since epoch" in found.message
    assert ts in found.message or ts == "1e400"
    if meant is None:
        assert not found.message.rpartition(": ")[2].isdigit()
    else:
        assert found.message.endswith(f": {meant}")


@given(
    st.binary(max_size=40) | st.builds(bytes.__add__, st.sampled_from([b"\0", b"\1", b"\3\0"]), st.binary(max_size=40))
)
def test_never_raises(value: bytes) -> None:
    """Whatever the bytes are, as a value or as a ts within one."""
    for body in (
        value,
        EVENT.replace(str(MS).encode(), value),
        EVENT.replace(str(MS).encode(), orjson.dumps(value.hex())),
    ):
        assert isinstance(parse(body, "like", NEWEST_MS), Event | Reject)
