"""Every kind of bad record is a reject with a reason, a path and a sentence; every odd but good one passes whole."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import (
    KINDS,
    MAX_AHEAD_MS,
    MAX_EVENT_BYTES,
    OLDEST_MS,
    TOPIC_OF,
    Event,
    Reject,
    event_time,
    parse,
)
from streams.formats import rejects
from streams.formats.rejects import MOST_BYTES, Origin
from tests.strategies import T0, broken_events, ids, kinds, times

NEWEST_MS = T0 + MAX_AHEAD_MS
GOOD: dict[str, Any] = {"id": "1", "network": "net", "actor": "ann", "target": "bob", "ts": T0}


def parsed(kind: str = "like", drop: str = "", **fields: Any) -> Event | Reject:
    """A good event with some fields changed and one left out."""
    body = {name: value for name, value in {**GOOD, **fields}.items() if name != drop}
    return parse(orjson.dumps(body), kind, NEWEST_MS)


def refused(found: Event | Reject) -> tuple[str, str]:
    """Reason and path of a reject."""
    assert isinstance(found, Reject), found
    assert found.message
    return found.reason, found.path


def test_good_event_passes_whole() -> None:
    """All fields arrive as they were sent."""
    full = {**GOOD, "type": "like", "ref": "0", "object": "post/1", "topics": ["go", "tea"], "undo": False}
    event = parse(orjson.dumps(full), "like", NEWEST_MS)
    assert isinstance(event, Event)
    assert {name: getattr(event, name) for name in full} == full


@pytest.mark.parametrize("kind", KINDS)
def test_topic_says_the_kind_unless_the_event_does(kind: str) -> None:
    """Without `type` an event is of its topic's kind; with the same `type` too."""
    assert isinstance(parsed(kind), Event)
    assert isinstance(parsed(kind, type=kind), Event)


def test_unknown_fields_are_ignored() -> None:
    """Producers may send more than is asked for, of any depth."""
    assert isinstance(parsed(shoe_size=44, nested={"a": [{"b": None}] * 100}), Event)


@pytest.mark.parametrize("value", [b"", None])
def test_empty_and_null_values(value: bytes | None) -> None:
    """A record without a value is rejected as such."""
    assert refused(parse(value, "like", NEWEST_MS)) == ("empty", "$")


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"not json",
        b'{"id":"1",}',
        b"\x00\x01\x02",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf" + orjson.dumps(GOOD),
        orjson.dumps(GOOD)[:-1],
        orjson.dumps(GOOD) + b"x",
        orjson.dumps(GOOD) * 2,
        orjson.dumps(GOOD).replace(b"ann", b"\xff"),
        orjson.dumps(GOOD).replace(b"ann", b"\\ud800"),
        orjson.dumps(GOOD).replace(b"ann", b"\xed\xa0\x80"),
        b'{"x":' + b"[" * 30_000,
        b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    ],
)
def test_broken_json(value: bytes) -> None:
    """Truncated, doubled, of another encoding, with half a surrogate, absurdly deep: not JSON, in words."""
    assert refused(parse(value, "like", NEWEST_MS)) == ("not_json", "$")


@pytest.mark.parametrize("rest", [b'19"x"}', b"1,}", b'{"a":', b"1} x", b'1,"b":' + b"[" * 5_000])
@pytest.mark.parametrize("field", [b"object", b"topics", b"ref"])
def test_broken_json_behind_a_broken_optional_part(field: bytes, rest: bytes) -> None:
    """The part that is wrong is met first; that what follows is no JSON is found when it is read again without that part."""
    value = b'{"id":"1","network":"n","actor":"a","target":"b","ts":%d,"%b":%b' % (T0, field, rest)
    found = parse(value, "like", NEWEST_MS)
    assert isinstance(found, Reject)
    assert found.reason == "not_json"


@pytest.mark.parametrize("value", [b"null", b"[]", b"1", b'"like"', b"true"])
def test_json_that_is_no_object(value: bytes) -> None:
    """Valid JSON, but no event: the message says an object was expected."""
    assert refused(parse(value, "like", NEWEST_MS)) == ("wrong_type", "$")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 1), ("id", None), ("network", []), ("actor", {}), ("actor", 7), ("ts", "1767225600000"),
        ("ts", 1767225600000.5), ("ts", True), ("ts", None), ("undo", 1), ("undo", "yes"),
    ],
)  # fmt: skip
def test_wrong_types_name_the_path(field: str, value: Any) -> None:
    """The path says which field; the message what was expected and what came."""
    assert refused(parsed(**{field: value})) == ("wrong_type", f"$.{field}")


@pytest.mark.parametrize(
    "parts",
    [
        {"object": 3}, {"object": "x" * 1025}, {"object": {"uri": "x"}}, {"topics": "go"}, {"topics": ["go", 5]},
        {"topics": ["x"] * 33}, {"ref": 5}, {"ref": None, "object": []}, {"object": 1, "topics": 2, "ref": 3},
    ],
)  # fmt: skip
def test_a_broken_optional_part_costs_that_part(parts: dict[str, Any]) -> None:
    """Nothing is scored by them, so the event counts without them; what else is wrong with it is still found."""
    assert parsed(**parts) == parsed()
    assert refused(parsed(**parts, actor=7)) == ("wrong_type", "$.actor")
    assert refused(parsed(**parts, ts=5)) == ("ts_too_small", "$.ts")


def test_null_is_absent() -> None:
    """Serializers write it for parts that are not there."""
    assert parsed(undo=None, ref=None, object=None, topics=None, type=None) == parsed()
    assert refused(parsed(target=None)) == ("missing_field", "$.target")
    assert parsed(undo=True, ref="0", target=None) == parsed(undo=True, ref="0", drop="target")
    assert refused(parsed(undo=None, actor=None)) == ("wrong_type", "$.actor")


def test_an_undo_needs_its_ref() -> None:
    """There it is no optional part."""
    assert refused(parsed(undo=True, ref=5)) == ("wrong_type", "$.ref")
    assert refused(parsed(undo=True, ref=5, object=3)) == ("wrong_type", "$.ref")
    found = parsed(undo=True, ref="7", object=3)
    assert isinstance(found, Event)
    assert (found.undo, found.ref, found.object) == (True, "7", None)


@pytest.mark.parametrize("field", ["id", "network", "actor", "target", "ts"])
def test_missing_fields_are_named(field: str) -> None:
    """What is not there is named."""
    assert refused(parsed(drop=field)) == ("missing_field", f"$.{field}")


@pytest.mark.parametrize("field", ["id", "network", "actor", "target"])
def test_empty_names_are_missing(field: str) -> None:
    """An empty string names nobody."""
    assert refused(parsed(**{field: ""})) == ("missing_field", f"$.{field}")


@pytest.mark.parametrize("field", ["id", "actor", "target"])
@pytest.mark.parametrize("letter", ["x", "é", "世", "😀"])
def test_ids_have_at_most_256_bytes(field: str, letter: str) -> None:
    """Bytes, not characters: the longest that fits passes, one more letter does not."""
    fits = letter * (256 // len(letter.encode()))
    assert isinstance(parsed(**{field: fits}), Event)
    assert refused(parsed(**{field: fits + letter})) == ("too_long", f"$.{field}")


def test_networks_are_short_and_have_no_colon() -> None:
    """A user is `network:id`: a colon in the network would make two users one."""
    assert isinstance(parsed(network="n" * 64), Event)
    assert refused(parsed(network="n" * 65)) == ("too_long", "$.network")
    assert refused(parsed(network="a:b")) == ("bad_network", "$.network")
    assert isinstance(parsed(actor="did:plc:x", target="did:plc:y"), Event)


@pytest.mark.parametrize("field", ["id", "network", "actor", "target"])
@pytest.mark.parametrize("bad", ["\x00", "\n", "\t", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"])
def test_control_characters(field: str, bad: str) -> None:
    """NUL, line ends and their relatives would break logs, keys and push; they are refused wherever they stand."""
    for text in (bad, f"a{bad}", f"{bad}b", f"a{bad}b", "x" * 100 + bad):
        expected = "too_long" if len(text.encode()) > 64 and field == "network" else "control_character"
        assert refused(parsed(**{field: text})) == (expected, f"$.{field}")


@pytest.mark.parametrize(
    "name",
    [
        "Zoë", "👩\u200d💻", "שלום", "a b", " ", "\u202eevil", "\ufeffbom", "'; DROP", '"quoted"',
        "{clout}", "a,b", "\\", "\ufffd", "\U0010ffff", "e\u0301",
    ],
)  # fmt: skip
def test_odd_but_valid_names_pass(name: str) -> None:
    """Any other Unicode is a name, and stays as it is (no normalisation)."""
    event = parsed(actor=name, target=name + "2", id=name, network="nétwork")
    assert isinstance(event, Event)
    assert (event.actor, event.target, event.id) == (name, name + "2", name)


@pytest.mark.parametrize("ts", [T0 // 1000, 0, -1, OLDEST_MS, -(2**63), -(2**80)])
def test_seconds_are_not_milliseconds(ts: int) -> None:
    """A ts before 1973 is one in seconds, and the message says so."""
    found = parse(orjson.dumps(GOOD).replace(str(T0).encode(), str(ts).encode()), "like", NEWEST_MS)
    assert refused(found) == ("ts_too_small", "$.ts")
    assert isinstance(found, Reject)
    assert "seconds" in found.message


@pytest.mark.parametrize("ts", [NEWEST_MS + 1, 4_070_908_800_000, 2**45])
def test_far_future(ts: int) -> None:
    """One event from 2099 must not age everybody: more than ten minutes ahead is refused."""
    found = parse(orjson.dumps(GOOD).replace(str(T0).encode(), str(ts).encode()), "like", NEWEST_MS)
    assert refused(found) == ("ts_in_future", "$.ts")


@pytest.mark.parametrize("ts", [2**45 + 1, T0 * 1000, 2**63 - 1, 2**64, 2**200])
def test_no_time_of_any_clock(ts: int) -> None:
    """Microseconds and the like have a reason of their own: they say nothing of clocks, and will not do later either."""
    found = parse(orjson.dumps(GOOD).replace(str(T0).encode(), str(ts).encode()), "like", NEWEST_MS)
    assert refused(found) == ("ts_too_large", "$.ts")


def test_times_at_the_edges_pass() -> None:
    """Exactly ten minutes ahead and just after the oldest time are accepted."""
    assert isinstance(parsed(ts=NEWEST_MS), Event)
    assert isinstance(parsed(ts=OLDEST_MS + 1), Event)


def test_unknown_kind() -> None:
    """A type nobody knows is named, with the kinds there are."""
    found = parsed(type="poke")
    assert refused(found) == ("unknown_kind", "$.type")
    assert isinstance(found, Reject)
    assert "retweet" in found.message


def test_type_that_contradicts_its_topic() -> None:
    """A share in `likes` is refused, with the topic it belongs to."""
    found = parsed("like", type="share")
    assert refused(found) == ("kind_contradicts_topic", "$.type")
    assert isinstance(found, Reject)
    assert TOPIC_OF["share"] in found.message


def test_records_of_ten_megabytes_are_not_even_parsed() -> None:
    """What is larger than 64 KB is refused by size, valid or not; the reject keeps its first 64 KB and its true size."""
    value = orjson.dumps({**GOOD, "pad": "x" * 10_000_000})
    found = parse(value, "like", NEWEST_MS)
    assert refused(found) == ("too_large", "$")
    assert refused(parse(b"{" * 10_000_000, "like", NEWEST_MS)) == ("too_large", "$")
    assert isinstance(found, Reject)
    key, kept = rejects.record(found, Origin("likes", 3, 1234), value)
    body = orjson.loads(kept)
    assert (key, body["size"], body["truncated"]) == (b"likes[3]@1234", len(value), True)
    assert len(body["value"]) == (MOST_BYTES + 2) // 3 * 4


def test_largest_event_passes() -> None:
    """64 KB are accepted."""
    size = MAX_EVENT_BYTES - len(orjson.dumps({**GOOD, "pad": ""}))
    assert isinstance(parsed(pad="x" * size), Event)
    assert refused(parsed(pad="x" * (size + 1))) == ("too_large", "$")


def test_self_engagement_is_no_error() -> None:
    """It is an action; that it weighs nothing is the model's business."""
    assert isinstance(parsed(target="ann"), Event)


def test_undo_names_what_it_reverses() -> None:
    """An undo needs `ref` and no target; its ref obeys the rules for ids."""
    assert isinstance(parsed(undo=True, ref="0", drop="target"), Event)
    assert isinstance(parsed(undo=True, ref="0"), Event)
    assert refused(parsed(undo=True)) == ("missing_field", "$.ref")
    assert refused(parsed(undo=True, ref="")) == ("missing_field", "$.ref")
    assert refused(parsed(undo=True, ref="x" * 257)) == ("too_long", "$.ref")
    assert refused(parsed(undo=True, ref="a\x00")) == ("control_character", "$.ref")
    assert refused(parsed(undo=True, ref="0", target="a\nb")) == ("control_character", "$.target")
    assert refused(parsed(undo=True, ref="0", ts=5)) == ("ts_too_small", "$.ts")
    assert refused(parsed(undo=True, ref="0", type="share")) == ("kind_contradicts_topic", "$.type")


@given(ids, ids, ids, kinds, times)
def test_every_valid_id_passes(name: str, actor: str, target: str, kind: str, ts: int) -> None:
    """Any text without control characters of at most 256 bytes, whichever way it is checked."""
    event = parse(orjson.dumps({"id": name, "network": "n", "actor": actor, "target": target, "ts": ts}), kind, 2**42)
    assert isinstance(event, Event)
    assert (event.id, event.actor, event.target, event.ts) == (name, actor, target, ts)


@given(st.binary(max_size=300) | broken_events(), kinds)
def test_no_bytes_crash_parse(value: bytes, kind: str) -> None:
    """Any bytes are an event that is safe to fold, or a reject that can be written down."""
    found = parse(value, kind, NEWEST_MS)
    time_ms = event_time(value)
    assert time_ms is None or isinstance(time_ms, int)
    if isinstance(found, Reject):
        body = orjson.loads(rejects.record(found, Origin("likes", 0, 7), value)[1])
        assert (body["reason"], body["size"]) == (found.reason, len(value))
        return
    assert OLDEST_MS < found.ts <= NEWEST_MS
    assert found.undo or found.target
    for text in (found.id, found.network, found.actor, found.target, found.ref or ""):
        assert len(text.encode()) <= 256
        assert "\x00" not in text


def test_event_time_reads_just_the_time() -> None:
    """For choosing between blocks: the ts of whatever has one, None of the rest."""
    assert event_time(orjson.dumps(GOOD)) == T0
    assert event_time(b'{"ts":5}') == 5
    assert [event_time(v) for v in (None, b"", b"{", b"[]", b'{"ts":"5"}', b"{}", b"\xff", b"[" * 60_000)] == [None] * 8


def test_reject_says_where_it_came_from() -> None:
    """The record for `rejects` has reason, path, message, topic, partition, offset, size and the bytes in base64."""
    key, value = rejects.record(Reject("not_json", "$", "m" * 600), Origin("pre-likes", 2, 77), b"{\xff")
    assert key == b"pre-likes[2]@77"
    assert orjson.loads(value) == {
        "reason": "not_json", "path": "$", "message": "m" * 500, "topic": "pre-likes", "partition": 2, "offset": 77,
        "size": 2, "truncated": False, "value": "e/8=",
    }  # fmt: skip
    assert orjson.loads(rejects.record(Reject("empty", "$", "m"), Origin("likes", 0, 0), None)[1])["value"] is None
