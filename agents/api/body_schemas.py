"""The bodies of writes as the OpenAPI document describes them: what the topics take, less what the address says already."""

from __future__ import annotations

import copy
from functools import cache
from typing import Annotated, Any

from fastapi import Path

from agents.api import ids
from streams.model.rules import NAME
from streams.schemas.values import value
from streams.topics import CONTROLS, POLICIES

Schema = dict[str, Any]

_JSON = "application/json"
_GAP = "gap"

# for the document: who sends others is told by the checks of policies
Name = Annotated[str, Path(json_schema_extra={"pattern": f"^{NAME}$"})]
Network = Annotated[str, Path(json_schema_extra={"pattern": f"^{ids.NETWORK}$", "not": {"const": "person"}})]
_ACKNOWLEDGED = "acknowledged"


def control() -> Schema:
    """The `openapi_extra` of a route that takes any control."""
    told = value(CONTROLS)
    return _body({"anyOf": [_without(one, optional={"ts"}) for one in told["anyOf"]]}, told["examples"][0])


def policy(kind: str) -> Schema:
    """The same of a policy of this type, whose name is in the address."""
    schema = _closed(_without(_of(kind), but={"type", "name"}))
    example = next(one for one in _policies()["examples"] if one["type"] == kind)
    return _body(schema, {field: said for field, said in example.items() if field not in ("type", "name")})


def trial() -> Schema:
    """The same of a rule that can be tried on daily closes: see `streams.model.hindsight.why_not`."""
    found = policy("rule")
    when = found["requestBody"]["content"][_JSON]["schema"]["properties"]["when"]
    for name in ("percentile", "top"):
        del when["properties"][name]
    when["oneOf"] = [one for one in when["oneOf"] if one["required"][0] in when["properties"]]
    when["properties"]["within"]["enum"].remove("1h")
    return found


def span() -> Schema:
    """The same of a gap, whose network is in the address."""
    one = copy.deepcopy(_of(_GAP)["properties"]["gaps"]["items"]["properties"])
    since = {"description": f"{one['since'].pop('description')}; now, where it is left out"}
    fields = {"since": {**since, "anyOf": [one["since"], {"type": "null"}]}, "until": one["until"]}
    return _body(_closed({"type": "object", "properties": fields}), {"since": 1_783_123_200_000}, required=False)


def care() -> Schema:
    """The same of what somebody takes care of."""
    schema = _without(_of(_ACKNOWLEDGED), but={"type", "format", "at"}, optional={"episode"})
    episode = schema["properties"]["episode"]
    said = {"description": f"{episode.pop('description')}; of that one alone"}
    schema["properties"]["episode"] = {**said, "anyOf": [episode, {"type": "null"}]}
    return _body(_closed(schema), {"rule": "day-fall", "user": "bluesky:ann", "by": "bob"})


def _body(schema: Schema, example: Schema, *, required: bool = True) -> Schema:
    return {"requestBody": {"required": required, "content": {_JSON: {"schema": schema, "example": example}}}}


@cache
def _policies() -> Schema:
    return value(POLICIES)


def _of(title: str) -> Schema:
    found: Schema = next(one for one in _policies()["anyOf"] if one.get("title") == title)
    return found


def _without(
    schema: Schema, *, but: frozenset[str] | set[str] = frozenset(), optional: set[str] | None = None
) -> Schema:
    """A copy without these fields, where others may be left out."""
    own = copy.deepcopy(schema)
    own["properties"] = {name: field for name, field in own["properties"].items() if name not in but}
    own["required"] = [name for name in own["required"] if name not in but | (optional or set())]
    return own


def _closed(part: Any) -> Any:
    """The same where objects have no other fields: whoever sends one is told."""
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {name: _closed(one) for name, one in part.items()}
    return found | {"additionalProperties": False} if found.get("type") == "object" else found
