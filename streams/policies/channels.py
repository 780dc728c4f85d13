"""What is wrong with a channel, a silence or what is acknowledged, whose fields are of the right types."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from streams.events import MAX_NETWORK_BYTES, NEWEST_MS, Reject, bad_text
from streams.model.channels import SECRET, Acknowledged, Channel, Quiet, Silence
from streams.model.rules import NAME
from streams.people.checks import bad_user

MOST_NAMED = 1_000  #: rules, networks or users that a route or a silence names
MOST_TO = 50  #: addresses of a channel
MOST_URL = 2_000
MOST_SECRETS = 4
MOST_ATTEMPTS = 20
MOST_WAIT_S = 7 * 86_400.0
MAILS = ("smtp", "smtps", "smtp+plain")
_is_name = re.compile(NAME).fullmatch
_is_secret = re.compile(r"secret:[A-Za-z0-9_.-]{1,64}").fullmatch
_is_time = re.compile(r"([01]\d|2[0-3]):[0-5]\d").fullmatch
_is_mail = re.compile(r"[^\s@<>\"(),:;\\\x00-\x1f]+@[^\s@<>\"(),:;\\\x00-\x1f]+").fullmatch


def bad_channel(channel: Channel) -> Reject | None:
    """The first that is found."""
    return next(_wrong(channel), None)


def bad_silence(silence: Silence) -> Reject | None:
    """The first that is found."""
    return next(_wrong_silence(silence), None)


def bad_acknowledged(one: Acknowledged) -> Reject | None:
    """The first that is found."""
    if not _is_name(one.rule):
        return _bad("$.rule", f"{one.rule[:80]!r}; it is the name of a rule")
    if reject := bad_user(one.user):
        return _bad("$.user", f"{one.user[:80]!r}: {reject.message}")
    if not 0 < one.at <= NEWEST_MS or not 0 < one.episode <= NEWEST_MS:
        return _bad("$.episode", "a time is ms since epoch, as the alert has it")
    return _text("$.by", one.by)


def _wrong(channel: Channel) -> Iterator[Reject]:
    if not _is_name(channel.name):
        yield _bad("$.name", f"{channel.name[:80]!r}; a name is of a to z, 0 to 9 and _ . -, at most 64, as in on-call")
    yield from _wrong_url(channel)
    for field in ("token", "key", "password"):
        value = getattr(channel, field)
        if value is not None and not _is_secret(value):
            yield _bad(
                f"$.{field}", "a secret is named here, as in secret:ops; what it is stays where the process runs"
            )
    if len(channel.sign) > MOST_SECRETS or not all(map(_is_secret, channel.sign)):
        yield _bad(
            "$.sign",
            f"at most {MOST_SECRETS} secrets, named as in secret:ops; what they are stays where the process runs",
        )
    if channel.body == "pagerduty" and channel.key is None:
        yield _bad("$.key", "PagerDuty wants a routing key: name its secret, as in secret:pagerduty")
    if channel.kind == "email":
        yield from _wrong_mail(channel)
    elif channel.kind == "apprise" and (channel.sign or channel.token or channel.key or channel.body != "cloudevents"):
        yield _bad("$.kind", "apprise; `body`, `sign`, `token` and `key` are of webhooks")
    elif channel.to or channel.sender or channel.user or channel.password:
        yield _bad("$.kind", f"{channel.kind}; `to`, `sender`, `user` and `password` are of email")
    route = channel.route
    yield from _wrong_names("$.route", route.rules, route.networks, route.users)
    if channel.quiet:
        yield from _wrong_quiet(channel.quiet)
    yield from _outside("$.group_s", channel.group_s, 0, 3_600)
    yield from _outside("$.most_a_minute", channel.most_a_minute, 1, 10_000)
    yield from _outside("$.timeout_s", channel.timeout_s, 0.1, 60)
    if not 1 <= len(channel.schedule_s) <= MOST_ATTEMPTS:
        yield _bad("$.schedule_s", f"{len(channel.schedule_s)} attempts; there are 1 to {MOST_ATTEMPTS}")
    for wait_s in channel.schedule_s:
        yield from _outside("$.schedule_s[...]", wait_s, 0, MOST_WAIT_S)


def _wrong_url(channel: Channel) -> Iterator[Reject]:
    url = channel.url
    if url.startswith(SECRET):
        if not _is_secret(url):
            yield _bad("$.url", "a secret has a name of letters, digits and _ . -, as in secret:ops-url")
        return
    if channel.kind == "apprise":
        yield _bad("$.url", "addresses of Apprise hold secrets: name it as in secret:ops-url")
    elif reason := bad_url(url, MAILS if channel.kind == "email" else ("https", "http")):
        yield _bad("$.url", reason)


def bad_url(url: str, schemes: Sequence[str], *, login: bool = False) -> str | None:
    """Why a URL is none that something can be sent to; without what may be secret in it. May it hold a login?"""
    wanted = " or ".join(f"{scheme}://host" for scheme in schemes)
    if len(url) > MOST_URL or re.search(r"[\x00-\x20\x7f]", url):
        return f"a URL has at most {MOST_URL:,} characters and no blanks"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"it is no URL; write {wanted}"
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        return (
            f"it begins with {parts.scheme[:20]!r}; write {wanted}" if parts.scheme else f"it is no URL; write {wanted}"
        )
    if not login and (parts.username is not None or parts.password is not None):
        return "it holds a login, which a topic must not: name the whole URL as a secret, as in secret:ops-url"
    return None


def _wrong_mail(channel: Channel) -> Iterator[Reject]:
    if not 1 <= len(channel.to) <= MOST_TO:
        yield _bad("$.to", f"{len(channel.to)} addresses; a mail goes to 1 to {MOST_TO}")
    for address in (*channel.to, channel.sender):
        if not _is_mail(address) or len(address) > 254:
            yield _bad("$.to" if address in channel.to else "$.sender", f"{address[:80]!r}; write ann@example.org")
    if bool(channel.user) != (channel.password is not None):
        yield _bad("$.user", "a login has a user and a password")
    if channel.user and channel.url.startswith("smtp+plain"):
        yield _bad("$.url", "a login over a connection without TLS gives it away; write smtp:// or smtps://")
    if channel.sign or channel.token or channel.key or channel.body != "cloudevents":
        yield _bad("$.kind", "email; `body`, `sign`, `token` and `key` are of webhooks")


def _wrong_quiet(quiet: Quiet) -> Iterator[Reject]:
    for field, text in (("from", quiet.since), ("until", quiet.until)):
        if not _is_time(text):
            yield _bad(f"$.quiet.{field}", f"{text[:20]!r}; write a time of day as 22:00")
    if quiet.since == quiet.until:
        yield _bad("$.quiet", "it begins when it ends; to hear nothing at all, set `enabled` to false")
    if not known_zone(quiet.zone):
        yield _bad("$.quiet.zone", f"no time zone is named {quiet.zone[:80]!r}; write it as in Europe/Berlin")


def known_zone(name: str) -> bool:
    """Is there such a time zone?"""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _wrong_silence(silence: Silence) -> Iterator[Reject]:
    if not _is_name(silence.name):
        yield _bad("$.name", f"{silence.name[:80]!r}; a name is of a to z, 0 to 9 and _ . -, at most 64")
    if not (silence.rules or silence.networks or silence.users):
        yield _bad("$", "it names neither rules nor networks nor users; to hear nothing at all, switch channels off")
    yield from _wrong_names("$", silence.rules, silence.networks, silence.users)
    if not 0 <= silence.since < silence.until <= NEWEST_MS:
        yield _bad("$.until", "it ends after it begins, ms since epoch")
    if reject := _text("$.why", silence.why):
        yield reject


def _wrong_names(at: str, rules: Sequence[str], networks: Sequence[str], users: Sequence[str]) -> Iterator[Reject]:
    if max(len(rules), len(networks), len(users)) > MOST_NAMED:
        yield _bad(at, f"it names more than {MOST_NAMED:,} rules, networks or users")
    for rule in rules:
        if not _is_name(rule):
            yield _bad(f"{at}.rules[...]", f"{rule[:80]!r} is no name of a rule")
    for network in networks:
        if ":" in network or bad_text("network", network, MAX_NETWORK_BYTES):
            yield _bad(f"{at}.networks[...]", f"{network[:80]!r}; a network is what stands before the colon of a user")
    for user in users:
        if reject := bad_user(user):
            yield _bad(f"{at}.users[...]", f"{user[:80]!r}: {reject.message}")


def _text(path: str, text: str) -> Reject | None:
    return bad_text(path.removeprefix("$."), text, 500) if text else None


def _outside(path: str, value: float, least: float, most: float) -> Iterator[Reject]:
    if not least <= value <= most:  # also what is no number
        yield _bad(path, f"{value:g}; here it is from {least:,g} to {most:,g}")


def _bad(path: str, why: str) -> Reject:
    return Reject("bad_channel", path, why)
