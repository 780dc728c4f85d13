"""Channels in words, for people: where alerts go, which, when not, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from agents.cli.output import moment
from agents.cli.rule_text import span
from streams.model.channels import SECRET, Channel, Quiet, Route, Silence
from streams.scoreboard.standings import OFF, WELL, trouble


def where(channel: Channel) -> str:
    """Where it goes: the host, for a URL may be long; the name of a secret."""
    if channel.to:
        more = f" and {len(channel.to) - 1} more" if len(channel.to) > 1 else ""
        return f"{channel.to[0]}{more}"
    return channel.url if channel.url.startswith(SECRET) else urlsplit(channel.url).netloc


def route(of: Route) -> str:
    """Which alerts."""
    said = [_names("rule", of.rules), _names("network", of.networks), _names("user", of.users)]
    said += [f"{of.severity} or louder"] if of.severity != "info" else []
    return ", ".join(filter(None, said)) or "all"


def silence(of: Silence) -> str:
    """What is silent."""
    return ", ".join(filter(None, (_names("rule", of.rules), _names("network", of.networks), _names("user", of.users))))


def silence_state(of: Silence, now_ms: float) -> str:
    """Is it on?"""
    if now_ms >= of.until:
        return "over"
    return "on" if of.since <= now_ms else "later"


def quiet(of: Quiet | None) -> str:
    """When it waits."""
    if of is None:
        return "never"
    days = f" on {', '.join(of.days)}" if of.days else ""
    but = f", but for {of.but}" if of.but else ""
    return f"{of.since} to {of.until} {of.zone}{days}{but}"


def state(channel: Channel, standing: Mapping[str, Any] | None, now_ms: float) -> str:
    """How it is, in words."""
    if not channel.enabled:
        return OFF
    return trouble(standing, now_ms) or WELL


def standing_state(standing: Mapping[str, Any], now_ms: float) -> str:
    """The same of a channel of which no more is known."""
    return trouble(standing, now_ms) or (WELL if standing["enabled"] else OFF)


def lines(channel: Channel, standing: Mapping[str, Any] | None, now_ms: float, whence: str) -> list[tuple[str, str]]:
    """All of a channel: what, and what it says of it."""
    found = [("kind", channel.kind), ("where", channel.url)]
    if channel.kind == "webhook":
        found += [("says", channel.body), ("signed", ", ".join(channel.sign) or "no")]
    secrets = {"token": channel.token, "key": channel.key, "password": channel.password}
    found += [(name, value) for name, value in secrets.items() if value]
    if channel.kind == "email":
        found += [("to", ", ".join(channel.to)), ("sender", channel.sender)]
        found += [("user", channel.user)] if channel.user else []
    found += [
        ("for", route(channel.route)),
        ("quiet", quiet(channel.quiet)),
        ("told as one", f"what comes within {channel.group_s:g} s" if channel.group_s else "only storms"),
        ("at most", f"{channel.most_a_minute:,} messages a minute"),
        ("order", "of one user one after the other" if channel.ordered else "none"),
        ("attempts", ", ".join(span(round(one)) for one in channel.schedule_s)),
        ("state", f"{state(channel, standing, now_ms)}, {whence}"),
    ]
    if standing:
        oldest = f", the oldest since {moment(standing['oldest'])}" if standing["oldest"] else ""
        found += [("waiting", f"{standing['waiting']:,}{oldest}"), ("dead", f"{standing['dead']:,}")]
        found += [("last", standing["last"])] if standing["last"] else []
    return found


def _names(what: str, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 2:,} more" if len(names) > 2 else ""
    return f"{what} {', '.join(names[:2])}{more}"
