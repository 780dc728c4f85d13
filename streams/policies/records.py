"""Records of the topic `policies`: a rule, a score line, gaps of a network, or that there are none of a name; and what is wrong."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from streams.events import Reject, no_json
from streams.model.gaps import Gaps
from streams.model.ranks import is_line
from streams.model.rules import Rule, ScoreLine
from streams.people.checks import bad_format, where
from streams.policies.checks import bad_gaps, bad_rule

FORMAT = 1  #: of the policies that this version knows
TYPES = ("rule", "gap")
BEGINS = "rule/"  #: how the key of a rule begins; its name follows
LINE = "line/"  #: the same of a score line
GAP = "gap/"  #: how that of gaps begins; the network follows
MOST_BYTES = 500_000  #: of a policy: a thousand users with the longest names there are, and below what a broker takes
_MOST_SHOWN = 80  # characters of a key or a text that came


Record = tuple[bytes, bytes | None]  #: key, value


class Removed(NamedTuple):
    """There is no rule of this name any more; a built-in one is as it was. Or no line, or no gaps of this network."""

    name: str
    kind: str = BEGINS  #: how the key begins


class Line(NamedTuple):
    """A score line, by its name: see `streams.model.ranks`."""

    name: str
    line: ScoreLine


class _Head(msgspec.Struct):
    format: Any = FORMAT
    type: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode = msgspec.json.Decoder(Rule | Gaps).decode
_decode_line = msgspec.json.Decoder(ScoreLine).decode
_encode = msgspec.json.Encoder().encode


def parse(key: bytes | None, value: bytes | None) -> Rule | Gaps | Line | Removed | Reject:
    """A record of the topic `policies`, or the reason why it is none, in a message that names the rule or gap. Never raises.

    Unknown fields are ignored, and of a name that stands twice in one object the later counts.
    """
    named = shown(key)
    if named.startswith(LINE):
        return _line(named.removeprefix(LINE), value)
    kind = next((kind for kind in (BEGINS, GAP) if named.startswith(kind)), None)
    if kind is None:
        why = f"the key {named!r} names no rule; a rule has the key {BEGINS}NAME, gaps have {GAP}NETWORK"
        return Reject("unknown_policy", "$", why)
    name = named.removeprefix(kind)
    if value is None:
        return Removed(name, kind)
    found = parse_value(value)
    if isinstance(found, Gaps) and kind == BEGINS:
        found = Reject("other_name", "$.type", f"'gap', under the key of a rule; gaps have the key {GAP}NETWORK")
    elif isinstance(found, Rule) and kind == GAP:
        found = Reject("other_name", "$.type", f"'rule', under the key of gaps; a rule has the key {BEGINS}NAME")
    elif isinstance(found, Rule) and key != key_of(found.name):
        found = Reject("other_name", "$.name", f"{found.name!r}, under a key that names another; they must be the same")
    elif isinstance(found, Gaps) and key != key_of_gaps(found.network):
        why = f"{found.network!r}, under a key that names another; they must be the same"
        found = Reject("other_name", "$.network", why)
    return of_rule(name, found, kind) if isinstance(found, Reject) else found


def parse_rule(value: bytes) -> Rule | Reject:
    """A rule as JSON; a message does not name it yet."""
    found = parse_value(value)
    return Reject("unknown_policy", "$.type", "'gap'; here it is rule") if isinstance(found, Gaps) else found


def parse_value(value: bytes) -> Rule | Gaps | Reject:
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
    return (bad_gaps(found) if isinstance(found, Gaps) else bad_rule(found)) or found


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


def encode(policy: Rule | Gaps) -> tuple[bytes, bytes]:
    """Key and value of its record."""
    return key_of_gaps(policy.network) if isinstance(policy, Gaps) else key_of(policy.name), _encode(policy)


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
