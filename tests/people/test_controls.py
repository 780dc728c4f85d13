"""Every kind of bad control is a reject with a reason, a path and a sentence; good ones come back as they were said."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import MAX_EVENT_BYTES, NEWEST_MS, OLDEST_MS, Reject
from streams.model import about
from streams.people.controls import (
    MAX_SOURCE_BYTES,
    MOST_FACTS,
    MOST_VALUE,
    Control,
    Fact,
    Facts,
    HideTopic,
    Link,
    Unlink,
    encode,
    parse,
)
from tests.people.controls import LATEST_MS, broken_controls, controls
from tests.strategies import T0

LINK: dict[str, Any] = {"type": "link", "user": "net:ann", "person": "ann", "ts": T0}
UNLINK: dict[str, Any] = {"type": "unlink", "user": "net:ann", "ts": T0}
FACTS: dict[str, Any] = {"type": "facts", "user": "net:ann", "ts": T0, "facts": {"followers": {"value": 1200}}}

HIDE: dict[str, Any] = {"type": "hide-topic", "user": "net:ann", "topic": "Jazz", "ts": T0}


def parsed(body: dict[str, Any], drop: str = "", **fields: Any) -> Control | Reject:
    """A good control with some fields changed and one left out."""
    return parse(orjson.dumps({name: said for name, said in (body | fields).items() if name != drop}), LATEST_MS)


def fact(**fields: Any) -> Control | Reject:
    """A control with one fact."""
    return parsed(FACTS, facts={"followers": fields})


def refused(found: Control | Reject) -> tuple[str, str]:
    """Reason and path of a reject."""
    assert isinstance(found, Reject), found
    assert found.message
    return found.reason, found.path


def test_good_controls() -> None:
    """Each of the four, with all that it may hold; what is not said of a fact has its default."""
    assert parsed(LINK) == Link("net:ann", "ann", T0)
    assert parsed(UNLINK) == Unlink("net:ann", T0)
    said = {
        "followers": {"value": 1200, "date": T0 - 5, "source": "census.csv"},
        "verified": {"value": 1},
        "lists": None,
    }
    assert parsed(FACTS, facts=said) == Facts(
        "net:ann", T0, {"followers": Fact(1200.0, T0 - 5, "census.csv"), "verified": Fact(1.0, T0), "lists": None}
    )
    one = {"lists": {"value": 1200}}
    assert parsed(FACTS, user="person:ann", facts=one) == Facts("person:ann", T0, {"lists": Fact(1200.0, T0)})
    assert refused(parsed(FACTS, user="person:ann")) == ("bad_fact_name", "$.facts.followers")
    assert parsed(HIDE) == parsed(HIDE, hidden=True) == HideTopic("net:ann", "jazz", T0, hidden=True)
    assert parsed(HIDE, user="person:ann", hidden=False) == HideTopic("person:ann", "jazz", T0, hidden=False)


@pytest.mark.parametrize(
    ("written", "counts"),
    [
        ("#Jazz", "jazz"),
        (" ##JAZZ ", "jazz"),
        ("Straße", "strasse"),
        ("\uff23\uff29\u0301", "cí"),
        ("hip hop", "hip hop"),
    ],
)
def test_a_topic_is_the_same_however_it_is_written(written: str, counts: str) -> None:
    """As those of events are: else what is hidden would be another than what is shown."""
    assert parsed(HIDE, topic=written) == HideTopic("net:ann", counts, T0)
    assert about.topic(written) == counts


def test_null_is_absent_and_unknown_fields_are_ignored() -> None:
    """Also in a fact; `format` too."""
    assert fact(value=1, date=None, source=None, more=[{}]) == fact(value=1)
    assert parsed(HIDE, hidden=None, more=[1]) == parsed(HIDE)
    assert parsed(LINK, format=None, more={"a": [1]}) == parsed(LINK, format=1) == parsed(LINK)


def test_of_a_name_that_stands_twice_the_later_counts() -> None:
    """As JSON is read everywhere here; of `type` both must agree."""
    assert parse(b'{"type":"link","user":"x","user":"net:a","person":"p","ts":5,"ts":%d}' % T0, LATEST_MS) == Link(
        "net:a", "p", T0
    )
    twice = b'{"type":"facts","user":"net:a","ts":%d,"facts":{"a":{"value":1},"a":null}}' % T0
    assert parse(twice, LATEST_MS) == Facts("net:a", T0, {"a": None})
    assert refused(parse(b'{"type":"link","type":"facts","user":"net:a"}', LATEST_MS)) == ("unknown_control", "$.type")


@pytest.mark.parametrize("value", [b"", None])
def test_empty_and_null_values(value: bytes | None) -> None:
    """A record without a value is rejected as such."""
    assert refused(parse(value, LATEST_MS)) == ("empty", "$")


def test_too_large() -> None:
    """What is no control by its size alone is not parsed."""
    assert refused(parse(b" " * (MAX_EVENT_BYTES + 1), LATEST_MS)) == ("too_large", "$")


@pytest.mark.parametrize(
    "value",
    [
        b"{", b"not json", b"\x00\x01\x02", b"\x00\x00\x00\x00\x07{}", b"\xff\xfe{}",
        orjson.dumps(LINK)[:-1], orjson.dumps(LINK) * 2,
        orjson.dumps(LINK).replace(b"net:ann", b"net:\xff"), orjson.dumps(LINK).replace(b'"ann"', b'"\\ud800"'),
        orjson.dumps(FACTS).replace(b"followers", b"\xff"), orjson.dumps(FACTS).replace(b"1200", b"NaN"),
        b'{"x":' + b"[" * 30_000, b'{"format":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    ],
)  # fmt: skip
def test_broken_json(value: bytes) -> None:
    """Truncated, doubled, of another encoding, with half a surrogate, absurdly deep; in words."""
    reason, path = refused(parse(value, LATEST_MS))
    assert (reason, path) == ("schema_registry_framing" if value[:4] == b"\0\0\0\0" else "not_json", "$")


@pytest.mark.parametrize("value", [b"null", b"[]", b"1", b'"link"', b"true"])
def test_json_that_is_no_object(value: bytes) -> None:
    """Valid JSON, but no control."""
    assert refused(parse(value, LATEST_MS)) == ("wrong_type", "$")


@pytest.mark.parametrize(
    ("format", "reason"), [(2, "newer_format"), (0, "wrong_type"), ("1", "wrong_type"), (True, "wrong_type")]
)
def test_formats(format: Any, reason: str) -> None:
    """A newer one is refused before anything else is looked at: it may have other types and other fields."""
    assert refused(parsed(LINK, format=format, type="merge", ts="now")) == (reason, "$.format")
    if reason == "newer_format":
        found = parsed(LINK, format=format)
        assert isinstance(found, Reject)
        assert "control of format 2; this worker knows 1" in found.message


@pytest.mark.parametrize(
    ("found", "reason", "path"),
    [
        (parsed(LINK, type="merge"), "unknown_control", "$.type"),
        (parsed(LINK, type=""), "unknown_control", "$.type"),
        (parsed(LINK, type=5), "wrong_type", "$.type"),
        (parsed(LINK, type=None), "wrong_type", "$.type"),
        *((parsed(LINK, drop=name), "missing_field", f"$.{name}") for name in LINK),
        *((parsed(UNLINK, drop=name), "missing_field", f"$.{name}") for name in UNLINK),
        *((parsed(FACTS, drop=name), "missing_field", f"$.{name}") for name in FACTS),
        *((parsed(HIDE, drop=name), "missing_field", f"$.{name}") for name in HIDE),
        (parsed(LINK, ts=str(T0)), "wrong_type", "$.ts"),
        (parsed(LINK, ts=T0 + 0.5), "wrong_type", "$.ts"),
        (parsed(LINK, ts=OLDEST_MS), "ts_too_small", "$.ts"),
        (parsed(LINK, ts=T0 // 1000), "ts_too_small", "$.ts"),
        (parsed(UNLINK, ts=LATEST_MS + 1), "ts_in_future", "$.ts"),
        (parsed(FACTS, ts=NEWEST_MS + 1), "ts_too_large", "$.ts"),
        *((parsed(body, user="ann"), "bad_user", "$.user") for body in (LINK, UNLINK, FACTS)),
        *((parsed(FACTS, user=user), "bad_user", "$.user") for user in (":ann", "net:", ":", "person:")),
        (parsed(LINK, user=5), "wrong_type", "$.user"),
        (parsed(LINK, user=""), "missing_field", "$.user"),
        (parsed(LINK, user="n" * 65 + ":a"), "too_long", "$.user"),
        (parsed(FACTS, user="net:" + "é" * 129), "too_long", "$.user"),
        (parsed(UNLINK, user="net:a\n"), "control_character", "$.user"),
        (parsed(LINK, user="person:bob"), "reserved_network", "$.user"),
        (parsed(UNLINK, user="person:bob"), "reserved_network", "$.user"),
        (parsed(LINK, user="person:ann"), "link_to_itself", "$.person"),
        (parsed(LINK, person="net:ann"), "link_to_itself", "$.person"),
        (parsed(LINK, person="person:ann"), "bad_person", "$.person"),
        (parsed(LINK, person=""), "missing_field", "$.person"),
        (parsed(LINK, person="x" * 257), "too_long", "$.person"),
        (parsed(LINK, person="a\x7f"), "control_character", "$.person"),
        (parsed(LINK, person=["ann"]), "wrong_type", "$.person"),
        (parsed(FACTS, facts=[]), "wrong_type", "$.facts"),
        (parsed(FACTS, facts={}), "missing_field", "$.facts"),
        (parsed(FACTS, facts={f"f{n}": None for n in range(MOST_FACTS + 1)}), "facts_too_many", "$.facts"),
        *((parsed(FACTS, facts={name: None}), "bad_fact_name", "$.facts") for name in ("", "Lists", "a-b", "a\n", "é", "x" * 33)),
        (parsed(FACTS, facts={"lists": None, "followers": 5}), "wrong_type", "$.facts.followers"),
        (parsed(FACTS, facts={"a": {"value": 1}, "b": {}}), "missing_field", "$.facts.b.value"),
        (parsed(FACTS, facts={"A B": {"value": "1"}}), "wrong_type", "$.facts[...].value"),
        (fact(value="12"), "wrong_type", "$.facts.followers.value"),
        (fact(value=True), "wrong_type", "$.facts.followers.value"),
        (fact(value=None), "wrong_type", "$.facts.followers.value"),
        (fact(value=-1), "fact_out_of_range", "$.facts.followers.value"),
        (fact(value=-0.001), "fact_out_of_range", "$.facts.followers.value"),
        (fact(value=MOST_VALUE * 1.001), "fact_out_of_range", "$.facts.followers.value"),
        (parse(orjson.dumps(FACTS).replace(b"1200", b"1e999"), LATEST_MS), "fact_out_of_range", "$.facts.followers.value"),
        (fact(value=1, date=T0 // 1000), "ts_too_small", "$.facts.followers.date"),
        (fact(value=1, date=LATEST_MS + 1), "ts_in_future", "$.facts.followers.date"),
        (fact(value=1, date=NEWEST_MS + 1), "ts_too_large", "$.facts.followers.date"),
        (fact(value=1, date="2026"), "wrong_type", "$.facts.followers.date"),
        (fact(value=1, source="x" * (MAX_SOURCE_BYTES + 1)), "too_long", "$.facts.followers.source"),
        (fact(value=1, source="é" * 33), "too_long", "$.facts.followers.source"),
        (fact(value=1, source="a\tb"), "control_character", "$.facts.followers.source"),
        (fact(value=1, source=5), "wrong_type", "$.facts.followers.source"),
        (parsed(HIDE, ts=LATEST_MS + 1), "ts_in_future", "$.ts"),
        (parsed(HIDE, user="ann"), "bad_user", "$.user"),
        (parsed(HIDE, topic=5), "wrong_type", "$.topic"),
        *((parsed(HIDE, topic=text), "missing_field", "$.topic") for text in ("", "#", " # ", "\u3000\uff03\u00a0")),
        (parsed(HIDE, topic="a\tb"), "control_character", "$.topic"),
        (parsed(HIDE, topic="x" * 129), "too_long", "$.topic"),
        (parsed(HIDE, topic="\ufdfa" * 4), "too_long", "$.topic"),  # 12 bytes that are 132 once they are normal
        (parsed(HIDE, hidden="yes"), "wrong_type", "$.hidden"),
        (parsed(HIDE, hidden=1), "wrong_type", "$.hidden"),
    ],
)  # fmt: skip
def test_each_reason(found: Control | Reject, reason: str, path: str) -> None:
    """What is wrong, and where it stands."""
    assert refused(found) == (reason, path)


def test_limits_themselves_are_good() -> None:
    """The longest texts, the largest number, the newest time."""
    assert parsed(LINK, user=f"{'n' * 64}:{'x' * 256}", person="é" * 128, ts=LATEST_MS)
    most = parsed(FACTS, facts={f"f{n}" + "x" * 28: {"value": MOST_VALUE} for n in range(MOST_FACTS)})
    assert isinstance(most, Facts)
    assert len(most.facts) == MOST_FACTS
    assert isinstance(fact(value=0, date=LATEST_MS, source="é" * 32), Facts)
    assert parsed(HIDE, topic="#" * 500 + "é" * 64) == HideTopic("net:ann", "é" * 64, T0)
    assert isinstance(parsed(LINK, user="net:did:plc:a", person="did:plc:a"), Link)


def test_what_was_meant_is_said() -> None:
    """Seconds or microseconds for milliseconds, a number as a text."""
    for found in (parsed(LINK, ts=T0 // 1000), parsed(LINK, ts=str(T0)), fact(value=1, date=T0 * 1000)):
        assert isinstance(found, Reject)
        assert found.message.endswith(f": {T0}")


@given(controls())
def test_there_and_back(control: Control) -> None:
    """What is encoded is parsed to the same; the key is the user."""
    key, value = encode(control)
    assert key.decode() == control.user
    assert parse(value, LATEST_MS) == control
    assert encode(control) == (key, value)


def test_bytes_are_fixed() -> None:
    """Fields have their order, whole numbers no fraction."""
    assert encode(Link("net:ann", "ann", T0))[1] == b'{"type":"link","user":"net:ann","person":"ann","ts":%d}' % T0
    assert encode(Unlink("net:ann", T0))[1] == b'{"type":"unlink","user":"net:ann","ts":%d}' % T0
    assert encode(HideTopic("net:ann", "jazz", T0, hidden=False))[1] == (
        b'{"type":"hide-topic","user":"net:ann","topic":"jazz","ts":%d,"hidden":false}' % T0
    )
    facts = {"b": Fact(1200.0, T0, "x"), "a": Fact(0.5, T0 - 1), "c": None}
    assert encode(Facts("net:ann", T0, facts))[1] == (
        b'{"type":"facts","user":"net:ann","ts":%d,"facts":{"b":{"value":1200,"date":%d,"source":"x"},"a":{"value":0.5,"date":%d},'
        b'"c":null}}' % (T0, T0, T0 - 1)
    )


@given(broken_controls())
def test_nothing_raises(value: bytes) -> None:
    """Any bytes are a control that stays the same when it is sent again, or a reject in words."""
    found = parse(value, LATEST_MS)
    if isinstance(found, Reject):
        assert found.reason
        assert found.path.startswith("$")
        assert found.message
    else:
        assert parse(encode(found)[1], LATEST_MS) == found


@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    """Nor what is no JSON at all."""
    assert isinstance(parse(value, LATEST_MS), Reject)


@pytest.mark.parametrize("digits", [20, 400, 4_300, 5_000, 60_000])
def test_long_numbers(digits: int) -> None:
    """However many digits, wherever a number stands."""
    nines = b"9" * digits
    for body, name in ((LINK, b"%d" % T0), (FACTS, b"1200")):
        assert isinstance(parse(orjson.dumps(body).replace(name, nines), LATEST_MS), Reject)
    assert isinstance(parse(b'{"format":' + nines + b"}", LATEST_MS), Reject)
