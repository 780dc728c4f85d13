"""Records of `policies`: rules, score lines, gaps, channels, silences, what is acknowledged, tokens; and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from streams.events import Reject, no_json
from streams.model.channels import Acknowledged, Channel, Silence
from streams.model.gaps import Gaps
from streams.model.ranks import is_line
from streams.model.rules import Rule, ScoreLine
from streams.model.tokens import Token
from streams.people.checks import bad_format, where
from streams.policies.channels import bad_acknowledged, bad_channel, bad_silence
from streams.policies.checks import bad_gaps, bad_rule
from streams.policies.tokens import bad_token

FORMAT = 1  #: of the policies that this version knows
BEGINS = "rule/"  #: how the key of a rule begins; its name follows
LINE = "line/"  #: the same of a score line
GAP = "gap/"  #: how that of gaps begins; the network follows
CHANNEL = "channel/"  #: how that of a channel begins; its name follows
SILENCE = "silence/"  #: how that of a silence begins; its name follows
ACKNOWLEDGED = "acknowledged/"  #: how that of what is acknowledged begins; rule and user follow
TOKEN = "token/"  # noqa: S105 - how that of a token begins; its name follows
MOST_BYTES = 500_000  #: of a policy: a thousand users with the longest names there are, and below what a broker takes
_MOST_SHOWN = 80  # characters of a key or a text that came


Record = tuple[bytes, bytes | None]  #: key, value
Policy = Rule | Gaps | Channel | Silence | Acknowledged | Token


class Removed(NamedTuple):
    """There is no rule of this name any more; a built-in one is as it was. Or nothing of another kind."""

    name: str
    kind: str = BEGINS  #: how the key begins


class Line(NamedTuple):
    """A score line, by its name: see `streams.model.ranks`."""

    name: str
    line: ScoreLine


class _Kind(NamedTuple):
    """One kind of policies."""

    begins: str  # how its keys begin
    type: str
    one: str  # in a message
    have: str
    key: str
    field: str  # that the key names
    named: Callable[[Any], str]  # what follows in the key
    bad: Callable[[Any], Reject | None]


_KINDS: dict[type, _Kind] = {
    Rule: _Kind(BEGINS, "rule", "a rule", "has", "NAME", "name", lambda one: one.name, bad_rule),
    Gaps: _Kind(GAP, "gap", "gaps", "have", "NETWORK", "network", lambda one: one.network, bad_gaps),
    Channel: _Kind(CHANNEL, "channel", "a channel", "has", "NAME", "name", lambda one: one.name, bad_channel),
    Silence: _Kind(SILENCE, "silence", "a silence", "has", "NAME", "name", lambda one: one.name, bad_silence),
    Acknowledged: _Kind(
        *(ACKNOWLEDGED, "acknowledged", "what is acknowledged", "has", "RULE/USER", "user"),
        *(lambda one: f"{one.rule}/{one.user}", bad_acknowledged),
    ),
    Token: _Kind(TOKEN, "token", "a token", "has", "NAME", "name", lambda one: one.name, bad_token),
}
TYPES = tuple(kind.type for kind in _KINDS.values())


class _Head(msgspec.Struct):
    format: Any = FORMAT
    type: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode = msgspec.json.Decoder(Policy).decode
_decode_line = msgspec.json.Decoder(ScoreLine).decode
_encode = msgspec.json.Encoder().encode


def parse(key: bytes | None, value: bytes | None) -> Policy | Line | Removed | Reject:
    """A record of the topic `policies`, or the reason why it is none, in a message that names it. Never raises.

    Unknown fields are ignored, and of a name that stands twice in one object the later counts.
    """
    named = shown(key)
    if named.startswith(LINE):
        return _line(named.removeprefix(LINE), value)
    kind = next((kind for kind in _KINDS.values() if named.startswith(kind.begins)), None)
    if kind is None:
        why = f"the key {named!r} names no rule; a rule has the key {BEGINS}NAME, gaps have {GAP}NETWORK"
        return Reject("unknown_policy", "$", why)
    if value is None:
        return Removed((key or b"")[len(kind.begins) :].decode(errors="backslashreplace"), kind.begins)
    found = parse_value(value)
    if not isinstance(found, Reject):
        own = _KINDS[type(found)]
        if own is not kind:
            why = f"{own.type!r}, under the key of {kind.one}; {own.one} {own.have} the key {own.begins}{own.key}"
            found = Reject("other_name", "$.type", why)
        elif key != key_of_policy(found):
            why = f"{getattr(found, own.field)!r}, under a key that names another; they must be the same"
            found = Reject("other_name", f"$.{own.field}", why)
    return of_rule(named.removeprefix(kind.begins), found, kind.begins) if isinstance(found, Reject) else found


def parse_rule(value: bytes) -> Rule | Reject:
    """A rule as JSON; a message does not name it yet."""
    found = parse_value(value)
    if isinstance(found, Rule | Reject):
        return found
    return Reject("unknown_policy", "$.type", f"{_KINDS[type(found)].type!r}; here it is rule")


def parse_value(value: bytes) -> Policy | Reject:
    """A policy as JSON; a message does not name it yet."""
    if not value:
        return Reject("empty", "$", "the value is empty; send the rule as JSON, or null to remove it")
    if len(value) > MOST_BYTES:
        return Reject("too_large", "$", f"{len(value):,} bytes; a policy has at most {MOST_BYTES:,}")
    try:
        head = _decode_head(value)
        if reject := bad_format("policy", head.format, FORMAT):  # first: what another format looks like is not known
            return reject
        if head.type is None:
            return Reject("missing_field", "$.type", f"it is one of {', '.join(TYPES)}")
        if head.type not in TYPES:
            return Reject("unknown_policy", "$.type", f"{str(head.type)[:_MOST_SHOWN]!r}; one of {', '.join(TYPES)}")
        found = _decode(value)
    except msgspec.ValidationError as error:
        return _invalid(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return no_json(value, error)
    return _KINDS[type(found)].bad(found) or found


def _line(name: str, value: bytes | None) -> Line | Removed | Reject:
    """One that workers write."""
    if value is None:
        return Removed(name, LINE)
    if not is_line(name):
        return Reject("unknown_policy", "$", f"the key names the line {name!r}; as in percentile/95 or top/100")
    try:
        head = _decode_head(value)
        if reject := bad_format("policy", head.format, FORMAT):
            return reject._replace(message=f"line {name}: {reject.message}")
        line = _decode_line(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Reject("wrong_type", "$", f"line {name}: {error}")
    if not 1 <= line.score <= 100:
        return Reject("bad_rule", "$.score", f"line {name}: a score is 1 to 100")
    return Line(name, line)


def encode_line(name: str, line: ScoreLine) -> Record:
    """Key and value of its record."""
    return line_key(name), _encode(line)


def line_key(name: str) -> bytes:
    """The key of a line; with a null value the record removes it."""
    return (LINE + name).encode()


def encode(policy: Policy) -> tuple[bytes, bytes]:
    """Key and value of its record."""
    return key_of_policy(policy), _encode(policy)


def key_of_policy(policy: Policy) -> bytes:
    """The key of its record; with a null value it is removed."""
    kind = _KINDS[type(policy)]
    return (kind.begins + kind.named(policy)).encode()


def key_of(name: str) -> bytes:
    """The key of a rule; with a null value the record removes it."""
    return (BEGINS + name).encode()


def key_of_gaps(network: str) -> bytes:
    """The key of a network's gaps; with a null value the record removes them."""
    return (GAP + network).encode()


def shown(key: bytes | None) -> str:
    """A key as text that is safe to show; not all of a long one."""
    return (key or b"")[:_MOST_SHOWN].decode(errors="backslashreplace")


def of_rule(name: str, found: Reject, kind: str = BEGINS) -> Reject:
    """The same with a message that names the rule, or the gap's network, and the field."""
    path = found.path.removeprefix("$").removeprefix(".")
    return found._replace(message=f"{kind.rstrip('/')} {name}: {f'{path}: ' if path else ''}{found.message}")


def _invalid(message: str) -> Reject:
    text, path = where(message)
    if "missing required field" in text:
        field = text.rsplit("`", 2)[-2]
        return Reject("missing_field", f"{path}.{field}", text)
    return Reject("wrong_type", path, text)
