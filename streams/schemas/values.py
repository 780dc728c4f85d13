"""The JSON Schema (2020-12) of what each topic holds, and of an explanation, made from the types the code reads and writes with.

No `$ref`, and nothing that draft 7 reads otherwise: tools of both drafts take them, and so does AsyncAPI.
"""

from __future__ import annotations

from typing import Any

import msgspec

from streams.events import MAX_AHEAD_MS, MAX_EVENT_BYTES, MAX_ID_BYTES, MAX_NETWORK_BYTES, Bare, Event
from streams.fold.rows import MOST_TOPIC
from streams.formats.cursors import Cursor
from streams.formats.deliveries import Delivery, Off
from streams.formats.header import Header
from streams.formats.names import Name
from streams.formats.rejects import RejectRecord
from streams.model.explained import Explanation
from streams.model.published import AlertRecord, FeedRecord, ScoreRecord
from streams.people.bodies import FORMAT, FactsBody, HideTopicBody, Link, Unlink
from streams.schemas.policies import policies
from streams.topics import (
    ALERTS,
    CONTROLS,
    CURSORS,
    DELIVERIES,
    ENGAGEMENTS,
    NAMES,
    POLICIES,
    REJECTS,
    SCORES,
    STATE,
    STRAYS,
    Topic,
)

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JSON, PACKED, BYTES = "application/json", "application/msgpack", "application/octet-stream"
_INTERNAL = "Internal and versioned: it may change with any release. Described in"

_CURSORS = f"How far a live source was read; null forgets it. {_INTERNAL} streams/formats/cursors.py."

#: topics whose values are one type, as JSON
_TYPES: dict[str, type] = {SCORES.name: ScoreRecord, REJECTS.name: RejectRecord}
#: topics that hold bytes of our own
_PACKED: dict[str, str] = {
    STRAYS.name: f"Events whose key was misplaced, packed. {_INTERNAL} streams/formats/strays.py.",
    ENGAGEMENTS.name: f"Engagements for the targets, packed. {_INTERNAL} streams/formats/engagements.py.",
}
INTERNAL = frozenset({*_PACKED, STATE.name, CURSORS.name, DELIVERIES.name})


def document(topic: Topic) -> Schema:
    """A schema that stands alone: of the topic's value, with the key's as `x-key`."""
    whole = value(topic)
    return {"$schema": DIALECT, "title": topic.name, "x-key": key(topic), **whole}


def explanation() -> Schema:
    """A schema that stands alone: of what `clout score --explain --json` prints. It is in no topic."""
    return {"$schema": DIALECT, "title": "explanation", **of(Explanation)}


def key(topic: Topic) -> Schema:
    """What a record of the topic is keyed by."""
    return {"type": "null", "description": "none"} if topic.key == "-" else {"type": "string", "description": topic.key}


def value(topic: Topic) -> Schema:
    """What a record of the topic is; of those with bytes, which format that is."""
    if topic.kind:
        return event(topic.kind)
    if topic is CONTROLS:
        return controls()
    if topic is POLICIES:
        return policies(of)
    if topic is ALERTS:
        return {"anyOf": [{"title": name, **of(kind)} for name, kind in (("alert", AlertRecord), ("feed", FeedRecord))]}
    if topic is STATE:
        return {"anyOf": [header(), rows()]}
    if topic is DELIVERIES:
        return deliveries()
    if topic is CURSORS:
        return {"anyOf": [{"title": "cursor", **of(Cursor)}, {"type": "null"}], "description": _CURSORS}
    if topic is NAMES:
        return {"anyOf": [{"title": "name", **of(Name)}, {"type": "null"}]}
    if topic.name in _PACKED:
        return {"type": "string", "contentMediaType": PACKED, "description": _PACKED[topic.name]}
    return of(_TYPES[topic.name])


def header() -> Schema:
    """The header in `state`."""
    return {"title": "header", **of(Header)}


def rows() -> Schema:
    """The other records of `state`."""
    text = f"Rows of users, packed; null deletes one. {_INTERNAL} streams/formats/state.py."
    return {"title": "row", "type": ["string", "null"], "contentMediaType": BYTES, "description": text}


def deliveries() -> Schema:
    """What waits to be delivered, what is dead, and channels that are switched off."""
    text = f"Deliveries and dead letters; null: delivered, or dropped. {_INTERNAL} streams/formats/deliveries.py."
    whole = of(Delivery)
    whole["properties"]["alert"] = {"type": "object", "description": "as it stands in `alerts`; of several a digest"}
    parts = [{"title": "delivery", **whole}, {"title": "off", **of(Off)}, {"type": "null"}]
    return {"description": text, "anyOf": parts}


def event(kind: str) -> Schema:
    """An event as a worker takes it in the topic of this kind: an undo has other duties than the rest.

    What may be anything in `Bare` is only noted when it can be read, so the schema refuses nothing there.
    """
    told, bare = of(Event), of(Bare)["properties"]
    texts = {name: {"description": field.pop("description")} for name, field in told["properties"].items()}
    strict = {name: _without_null(field) for name, field in told["properties"].items()}
    fields = {
        name: {**texts[name], **bare[name]} if bare[name] else {**texts[name], "anyOf": [strict[name], _IGNORED]}
        for name in strict
    }
    fields["type"] = {**texts["type"], "enum": [kind, None]}
    fields["target"] = {**texts["target"], "anyOf": [strict["target"], {"enum": ["", None]}]}
    return {
        "description": f"{told['description']} {_UNSAID}",
        "type": "object",
        "properties": fields,
        "required": told["required"],
        "if": {"properties": {"undo": {"const": True}}, "required": ["undo"]},
        "then": {"properties": {"ref": strict["ref"]}, "required": ["ref"]},
        "else": {"properties": {"target": strict["target"]}, "required": ["target"]},
        "examples": [_EXAMPLE | {"target": "bob"}, _EXAMPLE | {"id": "e2", "undo": True, "ref": "e1"}],
    }


_IGNORED = {"description": "anything else is ignored: the event counts without it"}
_EXAMPLE = {"id": "e1", "network": "bluesky", "actor": "ann", "ts": 1_767_225_600_123}
_UNSAID = (
    f"What a schema cannot say: a record has at most {MAX_EVENT_BYTES:,} bytes; the longest texts are meant in bytes of UTF-8 "
    f"({MAX_ID_BYTES}, of a network {MAX_NETWORK_BYTES}), not in characters; `ts` is written without a fraction, also without "
    f"`.0`, and is at most {MAX_AHEAD_MS // 60_000} minutes ahead of the worker's clock; no text has half a surrogate pair."
)


def controls() -> Schema:
    """What a worker takes in the topic of controls."""
    return {
        "description": "Whose accounts are one person's, facts about users, and topics that are not shown. "
        f"Unknown fields are ignored. {_UNSAID_OF_CONTROLS}",
        "anyOf": [_control(kind) for kind in (Link, Unlink, FactsBody, HideTopicBody)],
        "examples": [
            {"type": "link", "user": "bluesky:ann", "person": "ann", "ts": 1_783_123_200_000},
            {"type": "unlink", "user": "bluesky:ann", "ts": 1_783_123_200_000},
            {
                "type": "facts",
                "user": "mastodon:ann",
                "ts": 1_783_123_200_000,
                "facts": {
                    "followers": {"value": 1200, "date": 1_783_000_000_000, "source": "census.csv"},
                    "verified": {"value": 1},
                    "lists": None,
                },
            },
            {"type": "hide-topic", "user": "bluesky:ann", "topic": "Jazz", "ts": 1_783_123_200_000, "hidden": True},
        ],
    }


def _control(kind: type) -> Schema:
    told = of(kind)
    kinds: list[str] = told["properties"].pop("type")["enum"]
    head = {
        "type": {"description": "which control", "enum": kinds},
        "format": {"description": "of controls; a worker refuses a newer one than it knows", "enum": [FORMAT, None]},
    }
    return {"title": kinds[0], **told, "properties": {**head, **told["properties"]}}


_UNSAID_OF_CONTROLS = (
    f"What a schema cannot say: a record has at most {MAX_EVENT_BYTES:,} bytes; the longest texts are meant in bytes of UTF-8, "
    f"not in characters; times are written without a fraction and are at most {MAX_AHEAD_MS // 60_000} minutes ahead of the "
    "worker's clock; no account is linked to a person of its own name and network; "
    f"of a topic {MOST_TOPIC} bytes at most are left without # and blanks before it; no text has half a surrogate pair."
)


def of(kind: type) -> Schema:
    """The schema of a type, what it refers to put in its place; without its name."""
    (whole,), parts = msgspec.json.schema_components([kind], ref_template="{name}")
    found: Schema = _whole(whole, parts)
    return found


def _whole(part: Any, parts: dict[str, Schema]) -> Any:
    if isinstance(part, list):
        return [_whole(one, parts) for one in part]
    if not isinstance(part, dict):
        return part
    part = dict(part)
    if "$ref" in part:
        part = parts[part.pop("$ref")] | part
    if part.get("type") == "object" and "title" in part:  # the name of a class
        part = {name: said for name, said in part.items() if name != "title"}
    if "prefixItems" in part:  # draft 7 knows it by another name; ours are all of one type
        part = {name: said for name, said in part.items() if name != "prefixItems"} | {"items": part["prefixItems"][0]}
    if part.get("default", 0) in (None, ""):
        part.pop("default")
    found = {name: _whole(said, parts) for name, said in part.items()}
    if isinstance(found.get("description"), str):
        found["description"] = " ".join(found["description"].split())
    return found


def _without_null(field: Schema) -> Schema:
    kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if kinds else field
