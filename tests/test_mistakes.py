"""What producers get wrong most often: the reject says what came and what to send instead."""

from __future__ import annotations

import base64
import pickle
import uuid

import msgspec
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
        (msgspec.msgpack.encode({"id": "1", "ts": MS}), "MessagePack"),
        (b"\xa2\x62id\x611\x62ts\x1b\0\0\1\x9f\x2d\x5e\x3c\0", "CBOR"),
        (b"\x0f\0\0\0\x02id\0\2\0\0\0001\0\0", "BSON"),
        (pickle.dumps({"id": "1"}), "a pickle"),
        (base64.b64encode(EVENT), "JSON in base64"),
        (repr(EVENT).encode(), "bytes as Python prints them"),
        (repr(orjson.loads(EVENT)).encode(), "a dictionary as Python prints it"),
    ],
)
def test_other_encodings(value: bytes, says: str) -> None:
    """What is no JSON is called by its name, where it has one."""
    found = refused(value)
    assert found.reason == "not_json"
    assert says in found.message
    assert "UTF-8" in found.message


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b'{"schema":{"type":"struct"},"payload":%b}' % EVENT, "schemas.enable=false"),
        (b'{"specversion":"1.0","id":"1","type":"x","source":"y","data":%b}' % EVENT, "CloudEvents"),
        (b'{"before":null,"after":%b,"op":"c"}' % EVENT, "Debezium"),
        (b'{"event":%b}' % EVENT, "nothing but `event`"),
    ],
)
def test_an_event_in_an_envelope(value: bytes, says: str) -> None:
    """What wrapped it, and how it comes out."""
    found = refused(value)
    assert found.reason == ("unknown_kind" if says == "CloudEvents" else "missing_field")
    assert says in found.message


@pytest.mark.parametrize("field", ["id", "network", "actor", "target"])
def test_a_number_in_place_of_a_text(field: str) -> None:
    """Ids are texts, and the message says how to send them."""
    found = refused(orjson.dumps(orjson.loads(EVENT) | {field: 7}))
    assert (found.reason, found.path) == ("wrong_type", f"$.{field}")
    assert found.message.endswith("put it in quotes")


def test_several_events_in_a_record() -> None:
    """Each is a record of its own."""
    assert "each event as a record of its own" in refused(b"[%b]" % EVENT).message


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
        ("1783123200000000", "ts_too_large", MS),
        ("1783123200000000000", "ts_too_large", MS),
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
