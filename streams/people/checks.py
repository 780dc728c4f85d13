"""What formats, times and users must be: those of events, and a network for persons that no account is of."""

from __future__ import annotations

import re
from typing import Any

from streams import mistakes
from streams.events import (
    MAX_AHEAD_MS,
    MAX_EVENT_BYTES,
    MAX_ID_BYTES,
    MAX_NETWORK_BYTES,
    NEWEST_MS,
    OLDEST_MS,
    Reject,
    bad_text,
)
from streams.events import PERSON as NETWORK
from streams.fold.rows import MOST_TOPIC
from streams.model.about import normal

PERSON = f"{NETWORK}:"  #: how the user of a person begins: a network that no account is of


_usual = re.compile(
    f"[!-9;-~]{{1,{MAX_NETWORK_BYTES}}}:[!-~]{{1,{MAX_ID_BYTES}}}"
).fullmatch  # nothing is wrong with it


def bad_format(what: str, found: Any, known: int) -> Reject | None:
    """What is wrong with the `format` of a record, where this version knows those up to `known`."""
    if found is None or (type(found) is int and 1 <= found <= known):
        return None
    if type(found) is int and found > known:
        why = f"{what} of format {found}; this worker knows {known}: update the workers, or send what they know"
        return Reject("newer_format", "$.format", why)
    return Reject("wrong_type", "$.format", f"`format` is a whole number from 1 to {known}; without it, it is 1")


def where(message: str) -> tuple[str, str]:
    """What msgspec says is wrong, and the path of it."""
    text, _, path = message.partition(" - at `")
    return text, path.rstrip("`") or "$"


def bad_time(path: str, ts: int, newest_ms: int) -> Reject | None:
    """As of events."""
    unit = mistakes.other_unit(ts) if ts <= OLDEST_MS or ts > max(newest_ms, NEWEST_MS) else None
    meant = f", not {unit}: {mistakes.in_ms(ts)}" if unit else ""
    if ts <= OLDEST_MS:
        return Reject("ts_too_small", path, f"{ts} is before 1973; times are in milliseconds since epoch{meant}")
    if ts > max(newest_ms, NEWEST_MS):
        return Reject("ts_too_large", path, f"{ts} is after 3084; times are in milliseconds since epoch{meant}")
    if ts > newest_ms:
        why = f"{ts} is more than {MAX_AHEAD_MS // 60_000} minutes ahead of the clock"
        return Reject("ts_in_future", path, why)
    return None


def bad_user(user: str) -> Reject | None:
    """What is wrong with a `network:id`."""
    if _usual(user):
        return None
    if reject := bad_text("user", user, MAX_NETWORK_BYTES + 1 + MAX_ID_BYTES):
        return reject
    network, colon, name = user.partition(":")
    if not (network and colon and name):
        return Reject("bad_user", "$.user", "a user is `network:id`, as in bluesky:ann; a person is `person:NAME`")
    for part, text, most in (("network", network, MAX_NETWORK_BYTES), ("id", name, MAX_ID_BYTES)):
        if (size := len(text.encode())) > most:
            return Reject("too_long", "$.user", f"the {part} has {size} bytes; it has at most {most}")
    return None


def bad_account(user: str, person: str = "") -> Reject | None:
    """What is wrong with who is linked, or unlinked."""
    if reject := bad_user(user):
        return reject
    if person and user in (person, f"{PERSON}{person}"):
        return Reject("link_to_itself", "$.person", "user and person are the same; link an account to a person's name")
    if user.startswith(PERSON):
        why = "this is a person; accounts are linked to persons, and persons to nobody"
        return Reject("reserved_network", "$.user", why)
    return None


def bad_person(name: str) -> Reject | None:
    """What is wrong with the name of a person."""
    if name.startswith(PERSON):
        return Reject("bad_person", "$.person", f"write the name alone, without `{PERSON}`")
    return bad_text("person", name, MAX_ID_BYTES)


def bad_topic(written: str) -> Reject | None:
    """What is wrong with a topic."""
    if reject := bad_text("topic", written, MAX_EVENT_BYTES):
        return reject
    size = len(normal(written).encode())
    if not size:
        return Reject("missing_field", "$.topic", "nothing is left of `topic` without # and blanks")
    if size > MOST_TOPIC:
        return Reject("too_long", "$.topic", f"{size} bytes; a topic that counts has at most {MOST_TOPIC}")
    return None
