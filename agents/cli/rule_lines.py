"""Rules out of options and files. Every one is checked as a worker would, and for typing mistakes, before any is sent."""

from __future__ import annotations

import json
import re
from typing import Any

import click
import orjson

from agents.terminal import safe
from streams.errors import CloutError, UsageError
from streams.events import Reject
from streams.model.rules import Rule
from streams.policies.book import MOST_RULES
from streams.policies.records import of_rule, parse_rule
from streams.policies.spelling import unknown
from streams.sources.lines import Lines, open_bytes

_MOST_TOLD = 20
_MOST_SHOWN = 40  # characters of what came
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Body = dict[str, Any]


class _Bad(Exception):
    """What is wrong with a rule of a file."""


class Seconds(click.ParamType):
    """A time span such as 90s, 30m, 6h or 2d."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", str(value).strip())
        if not found or not (found[2] or found[1] == "0"):
            self.fail(f"{value!r} is no time span: a whole number and s, m, h or d, such as 6h; or 0", param, ctx)
        return int(found[1]) * _SECONDS.get(found[2], 1)


def is_said(value: object) -> bool:
    """Not what click gives for a flag that is not there; 0 is something."""
    return value is not None and value is not False and value != ()


def body_of(name: str, **said: Any) -> Body:
    """A rule as it is sent, of what was said."""

    def some(*names: str) -> Body:
        return {one: said[one] for one in names if is_said(said[one])}

    body: Body = {"type": "rule", "name": name}
    body |= {"who": some("network", "topic", "min_score", "min_confidence")}
    if said["user"]:
        body["who"]["users"] = said["user"]
    body |= {"when": some("falls", "rises", "unit", "within", "below", "percentile", "top")}
    body |= some("ignore", "require", "severity", "margin", "urgent", "from")
    return body | ({} if said["cooldown"] is None else {"cooldown_s": said["cooldown"]})


def checked(body: Body) -> Rule:
    """The rule of a body as a worker would take it. Raises UsageError."""
    found = parse_rule(json.dumps(body).encode())  # numbers of any size
    if isinstance(found, Reject):
        raise UsageError(safe(of_rule(str(body.get("name")), found).message))
    return found


def read(file: str) -> list[Rule]:
    """All rules of a file (plain, gzip, zstd; `-`: stdin): one object, an array of them, or one a line. Each name once.

    Raises CloutError that names each wrong one, UsageError if the file cannot be read.
    """
    raw, name = open_bytes(file), "stdin" if file == "-" else file
    try:
        lines = Lines(raw, name)
        numbered = [(line, lines.number) for line in lines]
    finally:
        if file != "-":
            raw.close()
    if lines.too_long:
        raise CloutError(safe(f"{name}, line {lines.first_too_long}: too long; is it the right file?"))
    try:
        whole = orjson.loads(b"\n".join(line for line, _ in numbered))
    except orjson.JSONDecodeError:
        found = [(f"line {number}", line) for line, number in numbered]
    else:
        many = whole if isinstance(whole, list) else [whole]
        found = [(f"rule {n}", one) for n, one in enumerate(many, 1)]
    return _all(name, found)


def _all(name: str, found: list[tuple[str, Any]]) -> list[Rule]:
    rules: dict[str, Rule] = {}
    wrong: list[str] = []
    for where, one in found:
        try:
            rule = _rule(one)
            if rule.name in rules:
                raise _Bad(f"rule {rule.name}: it stands there twice")
            rules[rule.name] = rule
        except _Bad as error:
            wrong.append(f"{name}, {where}: {error}")
    if len(rules) > MOST_RULES:
        wrong.append(f"{name}: {len(rules):,} rules; at most {MOST_RULES:,} can be in force")
    if wrong:
        rest = [f"and {len(wrong) - _MOST_TOLD:,} more"] if len(wrong) > _MOST_TOLD else []
        told = [*wrong[:_MOST_TOLD], *rest, f"nothing was sent; mend {name}, then send all of it"]
        raise CloutError("\n".join(map(safe, told)))
    if not rules:
        raise CloutError(safe(f"no rules in {name}; `clout rule add --help` says what it may hold"))
    return list(rules.values())


def _rule(one: Any) -> Rule:
    if isinstance(one, bytes):
        try:
            one = orjson.loads(one)
        except orjson.JSONDecodeError as error:
            raise _Bad(f"no JSON object ({error})") from None
    if not isinstance(one, dict):
        raise _Bad("no JSON object; a rule is an object, several are an array, or one a line")
    body = {"type": "rule", **one}
    name = str(body.get("name"))[:_MOST_SHOWN]
    found = parse_rule(orjson.dumps(body))
    for path, why in unknown(Rule, body):  # a worker would pass over it
        raise _Bad(f"rule {name}: {path}: {why}")
    if isinstance(found, Reject):
        raise _Bad(of_rule(name, found).message)
    return found
