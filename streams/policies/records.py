"""Records of the topic `policies`: a rule or a score line, or that there is none of a name any more; and what is wrong with one."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from streams.events import Reject, no_json
from streams.model.ranks import is_line
from streams.model.rules import Rule, ScoreLine
from streams.people.checks import bad_format, where
from streams.policies.checks import bad_rule

FORMAT = 1  #: of the policies that this version knows
TYPES = ("rule",)
BEGINS = "rule/"  #: how the key of a rule begins; its name follows
LINE = "line/"  #: the same of a score line
MOST_BYTES = 500_000  #: of a policy: a thousand users with the longest names there are, and below what a broker takes
_MOST_SHOWN = 80  # characters of a key or a text that came


Record = tuple[bytes, bytes | None]  #: key, value


class Removed(NamedTuple):
    """There is no rule of this name any more; a built-in one is as it was. Or no line."""

    name: str
    line: bool = False


class Line(NamedTuple):
    """A score line, by its name: see `streams.model.ranks`."""

    name: str
    line: ScoreLine


class _Head(msgspec.Struct):
    format: Any = FORMAT
    type: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode = msgspec.json.Decoder(Rule).decode
_decode_line = msgspec.json.Decoder(ScoreLine).decode
_encode = msgspec.json.Encoder().encode


def parse(key: bytes | None, value: bytes | None) -> Rule | Line | Removed | Reject:
    """A record of the topic `policies`, or the reason why it is none, in a message that names the rule. Never raises.

    Unknown fields are ignored, and of a name that stands twice in one object the later counts.
    """
    named = shown(key)
    if named.startswith(LINE):
        return _line(named.removeprefix(LINE), value)
    if not named.startswith(BEGINS):
        return Reject("unknown_policy", "$", f"the key {named!r} names no rule; a rule has the key {BEGINS}NAME")
    name = named.removeprefix(BEGINS)
    if value is None:
        return Removed(name)
    found = parse_rule(value)
    if isinstance(found, Rule) and key != key_of(found.name):
        found = Reject("other_name", "$.name", f"{found.name!r}, under a key that names another; they must be the same")
    return of_rule(name, found) if isinstance(found, Reject) else found


def parse_rule(value: bytes) -> Rule | Reject:
    """A rule as JSON; a message does not name it yet."""
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
        rule = _decode(value)
    except msgspec.ValidationError as error:
        return _invalid(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return no_json(value, error)
    return bad_rule(rule) or rule


def _line(name: str, value: bytes | None) -> Line | Removed | Reject:
    """One that workers write."""
    if value is None:
        return Removed(name, line=True)
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


def encode(rule: Rule) -> tuple[bytes, bytes]:
    """Key and value of its record."""
    return key_of(rule.name), _encode(rule)


def key_of(name: str) -> bytes:
    """The key of a rule; with a null value the record removes it."""
    return (BEGINS + name).encode()


def shown(key: bytes | None) -> str:
    """A key as text that is safe to show; not all of a long one."""
    return (key or b"")[:_MOST_SHOWN].decode(errors="backslashreplace")


def of_rule(name: str, found: Reject) -> Reject:
    """The same with a message that names the rule and the field."""
    path = found.path.removeprefix("$").removeprefix(".")
    return found._replace(message=f"rule {name}: {f'{path}: ' if path else ''}{found.message}")


def _invalid(message: str) -> Reject:
    text, path = where(message)
    if "missing required field" in text:
        field = text.rsplit("`", 2)[-2]
        return Reject("missing_field", f"{path}.{field}", text)
    return Reject("wrong_type", path, text)
