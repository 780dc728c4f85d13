"""The JSON Schema of what the topic `policies` holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streams.events import MAX_ID_BYTES, MAX_NETWORK_BYTES, NEWEST_MS, OLDEST_MS, PERSON
from streams.fold.rows import MOST_TOPIC
from streams.model.gaps import MOST_GAPS, Gaps
from streams.model.rules import NAME, Rule
from streams.policies.checks import MOST_COOLDOWN_S, MOST_USERS
from streams.policies.records import FORMAT, MOST_BYTES
from streams.schemas import channels

Schema = dict[str, Any]
_ONE_OF = ("falls", "rises", "below", "percentile", "top")
_LIMITS = {
    "falls": (0.1, 100),
    "rises": (0.1, 10_000),
    "below": (1.1, 100),
    "percentile": (0.1, 99.9),
    "top": (1, 10**6),
}
_UNSAID = (
    f"What a schema cannot say: a record has at most {MOST_BYTES:,} bytes, its key is `rule/` and the name, "
    f"`gap/` and the network, `channel/`, `silence/` or `token/` and the name, or `acknowledged/`, rule, `/` and user; the "
    "longest texts are meant "
    f"in bytes of UTF-8 (of a user {MAX_NETWORK_BYTES} and {MAX_ID_BYTES}, of a topic {MOST_TOPIC} without # and "
    "blanks), not in characters; no text has half a surrogate pair; `users` stands alone in `who`; points are at most 99; a "
    "margin is not above what `falls` or `rises` says; no cause is ignored and required; a gap ends after it begins; whole "
    "numbers are written without a fraction. Score lines, under keys that begin with `line/`, are written by workers and are "
    f"not told here. {channels.UNSAID}"
)


def policies(of: Callable[[type], Schema]) -> Schema:
    """What a worker takes in the topic of policies; `of` makes the schema of a type."""
    return {
        "description": "The rules by which alerts are raised, gaps of networks, channels that alerts go to, silences, what "
        f"somebody has acknowledged, and tokens of the API. Null removes it. Unknown fields are ignored. {_UNSAID}",
        "anyOf": [
            _rule(of),
            _gaps(of),
            _whole("channel", *channels.channel(of)),
            _whole("silence", *channels.silence(of)),
            _whole("acknowledged", *channels.acknowledged(of)),
            _whole("token", *channels.token(of)),
            {"type": "null"},
        ],
        "examples": [*_EXAMPLES, *channels.EXAMPLES],
    }


def _head(kind: str) -> Schema:
    return {
        "type": {"description": "which policy", "enum": [kind]},
        "format": {
            "description": "of policies; a worker leaves aside a newer one than it knows",
            "enum": [FORMAT, None],
        },
    }


def _whole(kind: str, told: Schema, fields: dict[str, Schema]) -> Schema:
    required = ["type", *(name for name in told["required"] if name != "type")]
    return {"title": kind, **told, "properties": _head(kind) | fields, "required": required}


def _gaps(of: Callable[[type], Schema]) -> Schema:
    told = of(Gaps)
    fields: dict[str, Schema] = {name: field for name, field in told["properties"].items() if name != "type"}
    fields["network"] |= {"pattern": "^[^:]+$", "maxLength": MAX_NETWORK_BYTES, "not": {"const": PERSON}}
    fields["gaps"] |= {"minItems": 1, "maxItems": MOST_GAPS}
    fields["gaps"]["items"]["properties"]["since"] |= {"exclusiveMinimum": OLDEST_MS, "maximum": NEWEST_MS}
    fields["gaps"]["items"]["properties"]["until"]["anyOf"][0] |= {"maximum": NEWEST_MS}
    return _whole("gap", told, fields)


def _rule(of: Callable[[type], Schema]) -> Schema:
    told = of(Rule)
    fields: dict[str, Schema] = {name: field for name, field in told["properties"].items() if name != "type"}
    who, when = fields["who"]["properties"], fields["when"]["properties"]
    who["users"] |= {"maxItems": MOST_USERS}
    who["users"]["items"] |= {"pattern": "^[^:]+:.", "maxLength": MAX_NETWORK_BYTES + 1 + MAX_ID_BYTES}
    who["network"]["anyOf"][0] |= {"pattern": "^[^:]+$", "maxLength": MAX_NETWORK_BYTES}
    for name, (least, most) in _LIMITS.items():
        when[name]["anyOf"][0] |= {"minimum": least, "maximum": most}
    fields["when"]["oneOf"] = [
        {"properties": {name: {"not": {"type": "null"}}}, "required": [name]} for name in _ONE_OF
    ]
    fields["name"] |= {"pattern": f"^{NAME}$"}
    fields["cooldown_s"] |= {"minimum": 0, "maximum": MOST_COOLDOWN_S}
    fields["margin"]["anyOf"][0] |= {"minimum": 0, "maximum": 10_000}
    fields["from"] |= {"minimum": 0}
    return _whole("rule", told, fields)


_EXAMPLES: list[Schema] = [
    {"type": "rule", "name": "big-fall", "when": {"falls": 10}, "severity": "critical"},
    {
        "type": "rule",
        "name": "stars-below-60",
        "who": {"network": "bluesky", "min_score": 65, "min_confidence": 0.8},
        "when": {"below": 60},
        "ignore": ["idle", "model"],
        "cooldown_s": 86_400,
        "urgent": True,
        "from": 1_783_123_200_000,
    },
    {"type": "rule", "name": "day-fall", "when": {"falls": 1.5}, "enabled": False},
    {"type": "gap", "network": "bluesky", "gaps": [{"since": 1_783_123_200_000, "until": None, "by": "declared"}]},
]
