"""What a producer sent instead of an event or a time, in words that help to put it right. For messages only; pure."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import msgspec

_LEAST_MS, _MOST_MS = 100_000_000_000, 2**45  # what may be a time in milliseconds: 1973 to 3084
_MILLISECONDS = "ts is a whole number of milliseconds since epoch"
_MOST_SHOWN = 60  # characters of what came

_BEGINNINGS = {
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"\xc3\x01": "Avro's single-object encoding",
    b"Obj\x01": "an Avro file",
    b"\xac\xed": "a serialized Java object",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"{\x00": "UTF-16 text",
    b"\x00{": "UTF-16 text",
    b"\x00\x00\x00{\x00": "UTF-32 text",
    b"\xef\xbb\xbf": "a byte order mark",
    b"<": "XML or HTML",
    b"\x80": "a pickle",
    b"eyJ": "JSON in base64",
    b"b'": "bytes as Python prints them",
    b"{'": "a dictionary as Python prints it",
}


_MESSAGEPACK = frozenset((*range(0x81, 0x90), 0xDE, 0xDF))  # how an object begins
_CBOR = frozenset((*range(0xA1, 0xBC), 0xBF))
_ENVELOPES = {
    ("schema", "payload"): "Kafka Connect's JsonConverter has wrapped the event: set schemas.enable=false",
    ("specversion", "data"): "CloudEvents in structured mode has wrapped the event: send its `data` alone",
    ("before", "after"): "Debezium has wrapped the event: take it out (ExtractNewRecordState)",
}


class _Ts(msgspec.Struct):
    ts: msgspec.Raw


def framing(value: bytes) -> str | None:
    """The framing of a schema registry that a value begins with, and what is in it; None if it begins with none.

    Confluent: byte 0 and a schema id of 4 bytes (Apicurio: 8), or byte 1 and 16 bytes; AWS Glue: byte 3, one that says how
    it is compressed, and 16 bytes. JSON, Avro or Protobuf follow.
    """
    if value[:2] in (b"\x03\x00", b"\x03\x05") and len(value) >= 18:
        schema, inside = uuid.UUID(bytes=value[2:18]), _inside(value[18:])
        return f"the framing of the AWS Glue schema registry (schema version {schema}, then {inside})"
    if value[:1] == b"\x01" and len(value) >= 17:
        schema, inside = uuid.UUID(bytes=value[1:17]), _inside(value[17:])
        return f"the framing of a schema registry (magic byte 1, schema {schema}, then {inside})"
    wide = value[1:2] == b"{" or value[:7] == b"\0\0\0{\0\0\0"  # UTF-16 or UTF-32
    if value[:1] != b"\0" or len(value) < 5 or wide or not value.strip(b"\0"):
        return None
    if value[9:10] == b"{" and value[5:6] != b"{":
        return f"the framing of a schema registry (magic byte 0, schema id {int.from_bytes(value[1:9])}, then JSON)"
    narrow = any(value[1:5])  # schema ids begin with 1: 0 is the upper half of a wide one
    at = 5 if narrow else 9
    return f"the framing of a schema registry (magic byte 0, schema id {int.from_bytes(value[1:at])}, then {_inside(value[at:])})"


def _inside(payload: bytes) -> str:
    return "JSON" if payload.lstrip()[:1] == b"{" else "Avro, Protobuf or the like"


def beginning(value: bytes) -> str | None:
    """What a value that is no JSON seems to be, by its first bytes; None when nobody knows."""
    if not value.strip(b"\0"):
        return "a block of NUL bytes"
    if value[0] in _MESSAGEPACK:
        return "MessagePack"
    if value[0] in _CBOR:
        return "CBOR"
    if len(value) > 4 and int.from_bytes(value[:4], "little") == len(value) and value[-1] == 0:
        return "BSON"
    return next((kind for head, kind in _BEGINNINGS.items() if value.startswith(head)), None)


def envelope(value: bytes) -> str | None:
    """What has wrapped an event, and what to do; None when nothing plainly has."""
    try:
        names = msgspec.json.decode(value, type=dict[str, msgspec.Raw]).keys()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    known = next((advice for fields, advice in _ENVELOPES.items() if names >= set(fields)), None)
    if known is None and len(names) == 1:
        known = f"it holds nothing but `{next(iter(names))[:_MOST_SHOWN]}`: if the event is in there, send that alone"
    return known


def wrong_ts(value: bytes) -> str:
    """What is wrong with the `ts` of an event that is no whole number, and which number was meant."""
    try:
        raw = bytes(msgspec.json.decode(value, type=_Ts).ts)
        came = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _MILLISECONDS
    shown = raw[:_MOST_SHOWN].decode(errors="backslashreplace")
    meant = _meant_ms(came)
    return f"{shown} came; {_MILLISECONDS}" + (f": {meant}" if meant is not None else "")


def other_unit(ts: int) -> str | None:
    """The unit that a whole number out of range is probably in; None when no unit makes a time of it."""
    units = (("seconds", 1_000, 1), ("microseconds", 1, 1_000), ("nanoseconds", 1, 1_000_000))
    return next((name for name, times, over in units if _is_ms(ts * times // over)), None)


def in_ms(ts: int) -> int:
    """A time in one of those units in milliseconds."""
    return next(ms for ms in (ts * 1_000, ts // 1_000, ts // 1_000_000) if _is_ms(ms))


def _is_ms(number: float) -> bool:
    return _LEAST_MS < number <= _MOST_MS


def _meant_ms(came: Any) -> int | None:
    if isinstance(came, str):
        text = came.strip()
        try:
            came = float(text)
        except ValueError:
            try:
                moment = datetime.datetime.fromisoformat(text)
            except (ValueError, OverflowError):
                return None
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=datetime.UTC)
            came = moment.timestamp()
    if isinstance(came, bool) or not isinstance(came, int | float):
        return None
    for times in (1, 1_000, 1e-3, 1e-6):
        if _is_ms(came * times):
            return round(came * times)
    return None
