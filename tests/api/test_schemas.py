"""What the OpenAPI document says of answers is what they are."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator

from agents.api.app import create_api
from agents.api.schemas import components, kinds
from agents.shapes.either import OtherAlert, decode
from streams.settings import Settings
from tests.api.conftest import Scene
from tests.api.filled import fill

Document = dict[str, Any]

JSON, PROBLEM = "application/json", "application/problem+json"
DOCUMENT: Document = create_api(Settings()).openapi()
USERS = "x:ada,x:cy"
#: what is asked with; a route that is not here is asked without anything
ASKED: dict[str, list[dict[str, str]]] = {
    "/v1/users": [{"ids": f"{USERS},x:nobody"}],
    "/v1/compare": [{"ids": USERS}],
    "/v1/leaderboard": [{}, {"network": "x", "limit": "2"}, {"topic": "jazz"}],
    "/v1/search": [{"q": "a"}],
}
READS = [
    path
    for path, methods in DOCUMENT["paths"].items()
    if "get" in methods and not path.startswith("/v2/") and path != "/v1/stream"
]


def contents(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Where each documented JSON stands, its media type, and its schema with an example."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                for media, content in answer.get("content", {}).items():
                    yield f"{method} {path} {status}", media, content


def strict(schema: Document) -> Draft202012Validator:
    """A schema of the document that takes nothing which is not described."""
    described = copy.deepcopy(components())
    for one in described.values():
        if "properties" in one:
            one["additionalProperties"] = False
    return Draft202012Validator({**schema, "components": {"schemas": described}})


def complaints(schema: Document, value: Any) -> list[str]:
    """What does not fit."""
    return [f"{error.json_path}: {error.message}" for error in strict(schema).iter_errors(value)]


def test_every_component_is_a_schema() -> None:
    """And each reference leads to one."""
    for one in components().values():
        Draft202012Validator.check_schema(one)
    assert {ref.rpartition("/")[2] for ref in references(DOCUMENT)} <= set(DOCUMENT["components"]["schemas"])
    assert not [name for name in components() if "." in name], "two types of one name"


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
        part = list(part.values())
    for one in part if isinstance(part, list) else ():
        yield from references(one)


def test_all_of_v1_is_described() -> None:
    """Every JSON that a route of /v1 answers with has a schema of its own, every problem the one of problems."""
    for where, media, content in contents(DOCUMENT):
        if media == PROBLEM:
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
        elif media == JSON and "/v2/" not in where:
            assert "$ref" in content.get("schema", {}), where


EXAMPLES = {(where, media): content for where, media, content in contents(DOCUMENT) if "example" in content}


@pytest.mark.parametrize("of", EXAMPLES, ids=" ".join)
def test_examples_fit(of: tuple[str, str]) -> None:
    """They are answers."""
    content = EXAMPLES[of]
    assert complaints(content["schema"], content["example"]) == []


def test_answers_fit(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """Those of every read, over a scoreboard that has something of everything; they have no field that is not described."""
    fill(scene)
    client = served()
    for path in READS:
        schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"].get(JSON, {}).get("schema")
        for params in ASKED.get(path, [{}]):
            answer = client.get(path.replace("{id}", quote("x:ada", safe="")), params=params)
            assert answer.status_code == 200, path
            if schema is None:
                assert "json" not in answer.headers["content-type"], path
                continue
            assert complaints(schema, answer.json()) == [], path
            found = decode(answer.content, kinds()[schema["$ref"].rpartition("/")[2]])
            items = getattr(found, "items", [])
            assert not any(isinstance(one, OtherAlert) for one in items), path
            assert len(items) == len(answer.json().get("items", []))
            assert "items" not in answer.json() or items, f"{path}: nothing to look at"


def test_problems_fit(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """Whatever went wrong."""
    client, schema = served(), {"$ref": "#/components/schemas/Problem"}
    validator = Draft202012Validator({**schema, "components": {"schemas": components()}})
    for path, status in (("/v1/users/x:no", 404), ("/v1/users/no", 422), ("/v1/nothing", 404), ("/v1/search", 422)):
        answer = client.get(path)
        assert (answer.status_code, list(validator.iter_errors(answer.json()))) == (status, [])
