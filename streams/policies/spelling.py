"""Fields that no policy has: a worker would pass over them, so whoever sends one is told before."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from streams.model.channels import Channel, Quiet, Route, Silence
from streams.model.rules import Rule, When, Who

_MOST_SHOWN = 40  # characters of what came
_HEAD = ("type", "format")
_PARTS: dict[type[msgspec.Struct], dict[str, type[msgspec.Struct]]] = {
    Rule: {"who": Who, "when": When},
    Channel: {"route": Route, "quiet": Quiet},
    Silence: {},
}


def unknown(kind: type[msgspec.Struct], body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those of a rule, a channel or another policy as JSON, each with its path (as in `when.fall`) and what is said of it."""
    yield from _unknown(kind, kind.__name__.lower(), "", body)
    for field, part in _PARTS.get(kind, {}).items():
        yield from _unknown(part, kind.__name__.lower(), f"{field}.", body.get(field))


def _unknown(kind: type[msgspec.Struct], named: str, at: str, body: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(body, Mapping):
        return
    known = [field.encode_name for field in msgspec.structs.fields(kind)] + list(() if at else _HEAD)
    for field in body:
        if field not in known:
            near = difflib.get_close_matches(field, known, 1)
            said = f"; {at}{near[0]}?" if near else f": {', '.join(known)}"
            yield f"{at}{field[:_MOST_SHOWN]}", f"no {named} has it{said}"
