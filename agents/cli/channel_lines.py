"""A channel out of options, checked as `clout alerting` would before it is sent."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from agents.cli.channel_options import NOTHING
from agents.cli.rule_lines import Seconds, is_said
from agents.terminal import safe
from streams.errors import UsageError
from streams.events import Reject
from streams.model.channels import Channel
from streams.policies.records import CHANNEL, of_rule, parse_value

Body = dict[str, Any]


def body_of(name: str, **said: Any) -> Body:
    """A channel as it is sent, of what was said. Raises UsageError for hours and waits that are none."""

    def some(**fields: str) -> Body:
        return {field: said[option] for field, option in fields.items() if is_said(said[option])}

    body: Body = {"type": "channel", "name": name}
    body |= some(**{one: one for one in ("url", "kind", "body", "sign", "token", "key", "to", "sender", "user")})
    body |= some(password="password", most_a_minute="most_a_minute", ordered="ordered", timeout_s="timeout")  # noqa: S106
    body |= some(group_s="group")
    route = some(rules="rule", severity="severity", networks="network", users="about_user")
    body |= {"route": route} if route else {}
    if is_said(said["schedule"]):
        body["schedule_s"] = [_span(one) for one in said["schedule"].split(",")]
    if is_said(said["quiet"]):
        body["quiet"] = _quiet(said["quiet"]) | some(zone="zone", days="day")
        if said["but"]:
            body["quiet"]["but"] = None if said["but"] == NOTHING else said["but"]
    elif wrong := next((one for one in ("zone", "day", "but") if is_said(said[one])), ""):
        raise UsageError(f"--{wrong} is of quiet hours: give --quiet, too")
    return body | ({"enabled": False} if said["off"] else {})


def checked(body: Body) -> Channel:
    """The channel of a body. Raises UsageError that names the channel and the field."""
    found = parse_value(msgspec.json.encode(body))
    if isinstance(found, Reject):
        raise UsageError(safe(of_rule(str(body["name"])[:80], found, CHANNEL).message))
    assert isinstance(found, Channel)  # noqa: S101 - its type says so
    return found


def _quiet(text: str) -> Body:
    if not (found := re.fullmatch(r"\s*([0-9:]+)\s*-\s*([0-9:]+)\s*", text)):
        raise UsageError(safe(f"--quiet {text[:40]}: write it as 22:00-07:00"))
    return {"from": found[1], "until": found[2]}


def _span(text: str) -> float:
    return float(Seconds().convert(text, None, None))
