"""The JSON Schema of channels, silences, what is acknowledged and tokens, as `policies` holds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streams.events import MAX_ID_BYTES, MAX_NETWORK_BYTES, NEWEST_MS
from streams.model.channels import Acknowledged, Channel, Silence
from streams.model.rules import NAME
from streams.model.tokens import Token
from streams.policies.channels import MOST_ATTEMPTS, MOST_NAMED, MOST_SECRETS, MOST_TO, MOST_URL, MOST_WAIT_S

Schema = dict[str, Any]
Of = Callable[[type], Schema]
_SECRET = {"pattern": "^secret:[A-Za-z0-9_.-]{1,64}$"}
_USER = {"pattern": "^[^:]+:.", "maxLength": MAX_NETWORK_BYTES + 1 + MAX_ID_BYTES}
_NETWORK = {"pattern": "^[^:]+$", "maxLength": MAX_NETWORK_BYTES}
_TIME = {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_MOST_TEXT = 500
UNSAID = (
    "Of a channel a schema cannot say which fields are of mail alone and which of webhooks, that PagerDuty wants a `key` and a "
    "login a `user` and a `password`, what a URL is, and which time zones there are; a silence ends after it begins."
)


def channel(of: Of) -> tuple[Schema, dict[str, Schema]]:
    """What is told of the type, and its fields."""
    told, fields = _told(of, Channel)
    fields["url"] |= {"minLength": 1, "maxLength": MOST_URL}
    fields["sign"] |= {"maxItems": MOST_SECRETS}
    fields["sign"]["items"] |= _SECRET
    for name in ("token", "key", "password"):
        fields[name]["anyOf"][0] |= _SECRET
    fields["to"] |= {"maxItems": MOST_TO}
    _names(fields["route"]["properties"])
    hours = fields["quiet"]["anyOf"][0]["properties"]
    hours["from"] |= _TIME
    hours["until"] |= _TIME
    fields["group_s"] |= {"minimum": 0, "maximum": 3_600}
    fields["most_a_minute"] |= {"minimum": 1, "maximum": 10_000}
    fields["timeout_s"] |= {"minimum": 0.1, "maximum": 60}
    fields["schedule_s"] |= {"minItems": 1, "maxItems": MOST_ATTEMPTS}
    fields["schedule_s"]["items"] |= {"minimum": 0, "maximum": MOST_WAIT_S}
    return told, fields


def silence(of: Of) -> tuple[Schema, dict[str, Schema]]:
    """The same of a silence: it names something."""
    told, fields = _told(of, Silence)
    _names(fields)
    fields["from"] |= {"minimum": 0, "maximum": NEWEST_MS}
    fields["until"] |= {"minimum": 1, "maximum": NEWEST_MS}
    fields["why"] |= {"maxLength": _MOST_TEXT}
    some = [{"properties": {name: {"minItems": 1}}, "required": [name]} for name in ("rules", "networks", "users")]
    return told | {"anyOf": some}, fields


def acknowledged(of: Of) -> tuple[Schema, dict[str, Schema]]:
    """The same of what is acknowledged."""
    told, fields = _told(of, Acknowledged)
    fields["rule"] |= {"pattern": f"^{NAME}$"}
    fields["user"] |= _USER
    for name in ("episode", "at"):
        fields[name] |= {"minimum": 1, "maximum": NEWEST_MS}
    fields["by"] |= {"maxLength": _MOST_TEXT}
    return told, fields


def token(of: Of) -> tuple[Schema, dict[str, Schema]]:
    """The same of a token of the API."""
    told, fields = _told(of, Token)
    fields["hash"] |= {"pattern": "^[0-9a-f]{64}$"}
    fields["until"]["anyOf"][0] |= {"minimum": 1, "maximum": NEWEST_MS}
    return told, fields


def _told(of: Of, kind: type) -> tuple[Schema, dict[str, Schema]]:
    told = of(kind)
    return told, {name: field for name, field in told["properties"].items() if name != "type"}


def _names(fields: dict[str, Schema]) -> None:
    for name, what in (("rules", {"pattern": f"^{NAME}$"}), ("networks", _NETWORK), ("users", _USER)):
        fields[name] |= {"maxItems": MOST_NAMED}
        fields[name]["items"] |= what


EXAMPLES: list[Schema] = [
    {
        "type": "channel",
        "name": "ops",
        "url": "https://hooks.example.org/clout",
        "sign": ["secret:ops"],
        "route": {"severity": "warning", "networks": ["bluesky"]},
        "quiet": {"from": "22:00", "until": "07:00", "zone": "Europe/Berlin"},
    },
    {
        "type": "channel",
        "name": "mail",
        "kind": "email",
        "url": "smtp://mail.example.org:587",
        "sender": "clout@example.org",
        "to": ["ann@example.org"],
        "group_s": 60,
    },
    {"type": "silence", "name": "census", "networks": ["mastodon"], "until": 1_783_123_200_000, "why": "it moves"},
    {
        "type": "acknowledged",
        "rule": "day-fall",
        "user": "bluesky:ann",
        "episode": 1_783_123_200_000,
        "at": 1_783_123_260_000,
        "by": "bob",
    },
    {"type": "token", "name": "grafana", "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
]
