"""What can be written, with a token of scope `write`; channels and tokens with one of scope `admin`.

Each is sent to a topic, and whoever goes by that takes it up within a second or so. What is wrong is WrongInput, and says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agents.client.ask import Ask, segment
from agents.shapes.others import Sent
from streams.model.channels import Channel, Silence
from streams.model.rules import Rule
from streams.model.tokens import Token

Body = Mapping[str, Any]


def control(body: Body) -> Ask[Sent]:
    """One control as the topic `controls` has it; `ts`, ms since epoch, is now where it is left out."""
    return _sent("POST", "/v1/controls", body)


def link(user: str, person: str) -> Ask[Sent]:
    """This account is that person's."""
    return control({"type": "link", "user": user, "person": person})


def unlink(user: str) -> Ask[Sent]:
    """This account is no person's."""
    return control({"type": "unlink", "user": user})


def facts(user: str, facts: Mapping[str, Any]) -> Ask[Sent]:
    """Facts about a user by name, `{"followers": {"value": 1200}}`; None takes one back."""
    return control({"type": "facts", "user": user, "facts": facts})


def hide_topic(user: str, topic: str, *, hidden: bool = True) -> Ask[Sent]:
    """A topic is not shown with this user, or is again."""
    return control({"type": "hide-topic", "user": user, "topic": topic, "hidden": hidden})


def put_rule(name: str, rule: Rule | Body) -> Ask[Sent]:
    """Add a rule, or replace the one of this name."""
    return _sent("PUT", _named("rules", name), rule)


def remove_rule(name: str) -> Ask[Sent]:
    """Remove a rule; a built-in one is switched off."""
    return _sent("DELETE", _named("rules", name))


def put_silence(name: str, silence: Silence | Body) -> Ask[Sent]:
    """Deliver nowhere what fits, until then: `{"networks": ["mastodon"], "until": ms}`."""
    return _sent("PUT", _named("silences", name), silence)


def remove_silence(name: str) -> Ask[Sent]:
    """End a silence; what came meanwhile is not told any more."""
    return _sent("DELETE", _named("silences", name))


def acknowledge(rule: str, user: str, *, episode: int | None = None, by: str = "") -> Ask[Sent]:
    """Somebody takes care of the newest alert by a rule about a user. Raises NotFound without one, Conflict when it is over."""
    about = {"rule": rule, "user": user, "by": by}
    return _sent("POST", "/v1/acknowledged", about if episode is None else about | {"episode": episode})


def begin_gap(network: str, *, since: int | None = None, until: int | None = None) -> Ask[Sent]:
    """The feed of a network is broken: from now on, or `since`, until it is ended, or `until`; ms since epoch."""
    times = {"since": since, "until": until}
    return _sent("PUT", _named("gaps", network), {name: ms for name, ms in times.items() if ms is not None})


def end_gap(network: str) -> Ask[Sent]:
    """The feed of a network is well again."""
    return _sent("DELETE", _named("gaps", network))


def put_channel(name: str, channel: Channel | Body) -> Ask[Sent]:
    """Add a channel of alerts, or replace the one of this name."""
    return _sent("PUT", _named("channels", name), channel)


def remove_channel(name: str) -> Ask[Sent]:
    """Remove a channel."""
    return _sent("DELETE", _named("channels", name))


def put_token(name: str, token: Token | Body) -> Ask[Sent]:
    """Let somebody in, by the SHA-256 of a token: `{"hash": ..., "scope": "read"}`."""
    return _sent("PUT", _named("tokens", name), token)


def remove_token(name: str) -> Ask[Sent]:
    """Let somebody in no more."""
    return _sent("DELETE", _named("tokens", name))


def _named(what: str, name: str) -> str:
    return f"/v1/{what}/{segment(name)}"


def _sent(method: str, path: str, body: msgspec.Struct | Body | None = None) -> Ask[Sent]:
    return Ask(Sent, path, method=method, body=None if body is None else msgspec.json.encode(body))
