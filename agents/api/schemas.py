"""The schemas in the OpenAPI document, made from the types of `agents.shapes`."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from agents.shapes import boards, either, others, pushed, status, trial, users

Schema = dict[str, Any]

MAY_NEED_A_TOKEN: list[Schema] = [{}, {"token": []}]  #: reads: where they are not open
_AT = "#/components/schemas/"
_MODULES = (users, boards, trial, status, others, pushed)


def ref(kind: type) -> Schema:
    """Where the document has the schema of a type of `agents.shapes`."""
    return {"$ref": f"{_AT}{kind.__name__}"}


class Api(FastAPI):
    """The app. Its document has these schemas beside those that FastAPI finds."""

    declared: tuple[APIRoute, ...] = ()

    def include_router(self, router: APIRouter, **more: Any) -> None:
        """As FastAPI does; its routes are remembered for the document."""
        self.declared += tuple(one for one in router.routes if isinstance(one, APIRoute) and one.include_in_schema)
        super().include_router(router, **more)

    def openapi(self) -> Schema:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document.setdefault("components", {}).setdefault("schemas", {}).update(components())
            for route in self.declared:
                _with_nulls(document["paths"][route.path_format], route)
            for path, operations in document["paths"].items():
                if path.startswith("/v1/") and "get" in operations:
                    operations["get"]["security"] = MAY_NEED_A_TOKEN
        return super().openapi()


def _with_nulls(operations: Schema, route: APIRoute) -> None:
    """FastAPI leaves out what is null in an example, where it says something."""
    for method in route.methods or ():
        for code, answer in route.responses.items():
            operations[method.lower()]["responses"][str(code)] |= answer


@cache
def components() -> dict[str, Schema]:
    """Every type that an answer has, and what it refers to, by name."""
    some = [*kinds().values(), *(kind for two in either.EITHER.values() for kind in two)]
    _, found = msgspec.json.schema_components(some, schema_hook=_either, ref_template=f"{_AT}{{name}}")
    return {name: _plain(schema) for name, schema in sorted(found.items())}


def kinds() -> dict[str, type]:
    """The types of answers, by name."""
    some = [(module.__name__, one) for module in _MODULES for one in vars(module).values() if isinstance(one, type)]
    return {one.__name__: one for module, one in some if one.__module__ == module}


def _either(kind: Any) -> Schema:
    return {"anyOf": [ref(one) for one in either.EITHER[kind]]}


def _plain(part: Any) -> Any:
    """Descriptions on one line, defaults left out: of an answer they say nothing."""
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {name: _plain(one) for name, one in part.items() if name != "default" or isinstance(one, dict)}
    if isinstance(found.get("description"), str):
        found["description"] = " ".join(found["description"].split())
    return found
