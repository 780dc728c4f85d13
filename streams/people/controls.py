"""Controls: an account is linked to a person, is nobody's any more, facts about a user are told, or a topic of theirs is hidden.

And what is wrong with one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from streams import mistakes
from streams.events import MAX_EVENT_BYTES, Reject, bad_text, no_json
from streams.model import about
from streams.model.versions import FOLLOWERS, MOST_FACTS
from streams.people.bodies import (
    FORMAT,
    MAX_SOURCE_BYTES,
    MOST_VALUE,
    TYPES,
    Control,
    Fact,
    FactBody,
    Facts,
    FactsBody,
    HideTopic,
    HideTopicBody,
    Link,
    Unlink,
    is_fact_name,
)
from streams.people.checks import PERSON, bad_account, bad_format, bad_person, bad_time, bad_topic, bad_user, where

__all__ = [
    "MAX_SOURCE_BYTES",
    "MOST_FACTS",
    "MOST_VALUE",
    "PERSON",
    "Control",
    "Fact",
    "Facts",
    "HideTopic",
    "Link",
    "Unlink",
    "is_fact_name",
]

_SOME = "[...]"  # a name in a path, of which msgspec does not say which
_MOST_SHOWN = 60  # characters of what came


class _Head(msgspec.Struct):
    format: Any = FORMAT


_decode_head = msgspec.json.Decoder(_Head).decode
_decode = msgspec.json.Decoder(Link | Unlink | FactsBody | HideTopicBody).decode
_encode = msgspec.json.Encoder().encode


def parse(value: bytes | None, newest_ms: int) -> Control | Reject:
    """A record of the topic `controls`, or the reason why it is none. Never raises.

    `newest_ms` is the latest time that may stand in it (wall clock + `MAX_AHEAD_MS`). Unknown fields are ignored, and of a
    name that stands twice in one object the later counts.
    """
    if not value:
        return Reject("empty", "$", "the record has no value; send the control as JSON")
    if len(value) > MAX_EVENT_BYTES:
        return Reject("too_large", "$", f"{len(value):,} bytes; a control has at most {MAX_EVENT_BYTES:,}")
    try:
        # first: what another format looks like is not known
        if reject := bad_format("control", _decode_head(value).format, FORMAT):
            return reject
        body = _decode(value)
    except msgspec.ValidationError as error:
        return _invalid(str(error), value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return no_json(value, error)
    bad = bad_time("$.ts", body.ts, newest_ms)
    if isinstance(body, FactsBody):
        return bad or bad_user(body.user) or _facts(body, newest_ms)
    if isinstance(body, HideTopicBody):
        taken = HideTopic(body.user, about.topic(body.topic), body.ts, hidden=body.hidden is not False)
        return bad or bad_user(body.user) or bad_topic(body.topic) or taken
    if isinstance(body, Link):
        return bad or bad_account(body.user, body.person) or bad_person(body.person) or body
    return bad or bad_account(body.user) or body


def encode(control: Control) -> tuple[bytes, bytes]:
    """Key and value of its record: fields in a fixed order, whole numbers without a fraction."""
    key = control.user.encode()
    if not isinstance(control, Facts):
        return key, _encode(control)
    facts = {name: None if fact is None else _fact_body(fact) for name, fact in control.facts.items()}
    return key, _encode({"type": "facts", "user": control.user, "ts": control.ts, "facts": facts})


def _fact_body(fact: Fact) -> dict[str, Any]:
    value = int(fact.value) if fact.value.is_integer() else fact.value
    return {"value": value, "date": fact.date} | ({"source": fact.source} if fact.source else {})


def _invalid(message: str, value: bytes) -> Reject:
    text, path = where(message)
    if path.startswith(f"$.facts{_SOME}"):
        path = path.replace(_SOME, _wrong_fact(value), 1)
    if "missing required field" in text:
        field = text.rsplit("`", 2)[-2]
        wrapped = mistakes.envelope(value) if path == "$" else None
        return Reject("missing_field", f"{path}.{field}", f"{text}; {wrapped}" if wrapped else text)
    if path == "$.type" and text.startswith("Invalid value"):
        return Reject("unknown_control", path, f"{text[:_MOST_SHOWN]}; one of {', '.join(TYPES)}")
    if path == "$.ts":
        return Reject("wrong_type", path, f"{text}; {mistakes.wrong_ts(value)}")
    if path.endswith(".value") and text == "Number out of range":
        return Reject("fact_out_of_range", path, f"a fact is a number from 0 to {MOST_VALUE:g}")
    return Reject("wrong_type", path, text)


class _Raw(msgspec.Struct):
    facts: dict[str, msgspec.Raw]


def _wrong_fact(value: bytes) -> str:
    """The name of the first fact that is of a wrong type, as it stands in a path."""
    try:
        for name, raw in msgspec.json.decode(value, type=_Raw).facts.items():
            try:
                msgspec.json.decode(raw, type=FactBody | None)
            except msgspec.ValidationError:
                return f".{name}" if is_fact_name(name) else _SOME
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    return _SOME


def _facts(body: FactsBody, newest_ms: int) -> Facts | Reject:
    if not body.facts:
        return Reject("missing_field", "$.facts", "no fact is named; null as a value takes one away")
    if len(body.facts) > MOST_FACTS:
        return Reject("facts_too_many", "$.facts", f"{len(body.facts)} facts; a control has at most {MOST_FACTS}")
    facts: dict[str, Fact | None] = {}
    for name, said in body.facts.items():
        if not is_fact_name(name):
            why = f"{name[:_MOST_SHOWN]!r}: the name of a fact is 1 to 32 of a-z, 0-9 and _"
            return Reject("bad_fact_name", "$.facts", why)
        if name == FOLLOWERS and body.user.startswith(PERSON):
            why = "a person's followers are those of the accounts: state them there"
            return Reject("bad_fact_name", f"$.facts.{name}", why)
        found = None if said is None else _fact(f"facts.{name}", said, body.ts, newest_ms)
        if isinstance(found, Reject):
            return found
        facts[name] = found
    return Facts(body.user, body.ts, facts)


def _fact(path: str, said: FactBody, ts: int, newest_ms: int) -> Fact | Reject:
    if not 0 <= said.value <= MOST_VALUE:
        why = f"{said.value:g}; a fact is a number from 0 to {MOST_VALUE:g}"
        return Reject("fact_out_of_range", f"$.{path}.value", why)
    date, source = ts if said.date is None else said.date, said.source or ""
    if bad := bad_time(f"$.{path}.date", date, newest_ms):
        return bad
    if source and (bad := bad_text(f"{path}.source", source, MAX_SOURCE_BYTES)):
        return bad
    return Fact(said.value + 0.0, date, source)  # no negative zero
