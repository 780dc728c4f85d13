"""The schema of controls beside what a worker takes."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given

from streams.events import NEWEST_MS, OLDEST_MS, Reject
from streams.people.controls import MOST_VALUE, Control, encode, parse
from streams.schemas import values
from streams.topics import CONTROLS
from tests.people.controls import LATEST_MS, broken_controls, controls
from tests.schemas.test_values import wrong
from tests.strategies import T0

SCHEMA = values.document(CONTROLS)
ASK = wrong(SCHEMA)
#: what a schema cannot say: its description names each
UNSAID = {"empty", "too_large", "not_json", "schema_registry_framing", "ts_in_future", "link_to_itself"}
LINK: dict[str, Any] = {"type": "link", "user": "net:ann", "person": "ann", "ts": T0}
FACTS: dict[str, Any] = {"type": "facts", "user": "net:ann", "ts": T0, "facts": {"a": {"value": 1}}}

HIDE: dict[str, Any] = {"type": "hide-topic", "user": "net:ann", "topic": "#Jazz", "ts": T0}


def whole(value: Any) -> bool:
    """Is there a time in it like 5.0, which is a whole number in JSON Schema?"""
    if isinstance(value, dict):
        return any(whole(one) for one in value.values())
    return isinstance(value, float) and value.is_integer()


@given(controls())
def test_what_is_sent_fits(control: Control) -> None:
    """Whatever `clout control` may write."""
    assert ASK(orjson.loads(encode(control)[1])) == []


@given(broken_controls())
def test_a_control_fits_just_when_a_worker_takes_it(value: bytes) -> None:
    """Fields missing, of any type, cut anywhere."""
    found = parse(value, LATEST_MS)
    reason = found.reason if isinstance(found, Reject) else ""
    try:
        body = json.loads(value)
    except ValueError:  # or it stands in what nobody looks at
        return
    if (
        reason in UNSAID
        or (reason, getattr(found, "path", "")) == ("too_long", "$.topic")
        or (reason == "wrong_type" and whole(body))
    ):
        return
    assert bool(ASK(body)) == bool(reason), (value, found, ASK(body))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (LINK, ""), (LINK | {"format": None}, ""), (LINK | {"more": []}, ""), (LINK | {"ts": OLDEST_MS + 1}, ""),
        (LINK | {"format": 2}, "newer_format"), (LINK | {"type": "merge"}, "unknown_control"), (LINK | {"user": "ann"}, "bad_user"),
        (LINK | {"user": "person:bob"}, "reserved_network"), (LINK | {"person": "person:bob"}, "bad_person"),
        (LINK | {"user": f"net:{'x' * 256}"}, ""), (LINK | {"user": f"net:{'x' * 257}"}, "too_long"),
        (LINK | {"user": f"{'n' * 65}:x"}, "too_long"), (LINK | {"person": "x" * 257}, "too_long"),
        (LINK | {"user": "net:a\n"}, "control_character"), (LINK | {"person": "a\u2028"}, "control_character"),
        (LINK | {"ts": OLDEST_MS}, "ts_too_small"), (LINK | {"ts": NEWEST_MS + 1}, "ts_too_large"),
        (FACTS, ""), (FACTS | {"user": "person:ann"}, ""), (FACTS | {"facts": {"a": None}}, ""),
        (FACTS | {"facts": {}}, "missing_field"),
        (FACTS | {"facts": {f"a{n}": None for n in range(17)}}, "facts_too_many"),
        (FACTS | {"facts": {"A": None}}, "bad_fact_name"),
        (FACTS | {"facts": {"a" * 33: None}}, "bad_fact_name"), (FACTS | {"facts": {"a": {"value": -1}}}, "fact_out_of_range"),
        (FACTS | {"facts": {"a": {"value": MOST_VALUE * 2}}}, "fact_out_of_range"), (FACTS | {"facts": {"a": {}}}, "missing_field"),
        (FACTS | {"facts": {"a": {"value": 1, "date": 5}}}, "ts_too_small"),
        (FACTS | {"facts": {"a": {"value": 1, "source": "x" * 65}}}, "too_long"),
        (HIDE, ""), (HIDE | {"user": "person:ann", "hidden": None}, ""), (HIDE | {"hidden": 1}, "wrong_type"),
        (HIDE | {"topic": "# \u3000#"}, "missing_field"), (HIDE | {"topic": "#\u00a0a"}, ""),
        (HIDE | {"topic": "a\n"}, "control_character"),
    ],
)  # fmt: skip
def test_each_reason_a_schema_can_say(body: dict[str, Any], reason: str) -> None:
    """One by one, so that none is met by luck alone; no reason: both take it."""
    found = parse(orjson.dumps(body), LATEST_MS)
    assert (found.reason if isinstance(found, Reject) else "") == reason
    assert bool(ASK(body)) == bool(reason)


def test_examples_are_controls() -> None:
    """Those in the schema are taken by both; all four kinds are among them."""
    latest_ms = max(example["ts"] for example in SCHEMA["examples"])
    assert {example["type"] for example in SCHEMA["examples"]} == {"link", "unlink", "facts", "hide-topic"}
    for example in SCHEMA["examples"]:
        assert not isinstance(parse(orjson.dumps(example), latest_ms), Reject)
        assert ASK(example) == []
