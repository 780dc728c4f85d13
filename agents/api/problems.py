"""Errors over HTTP: problem details (RFC 9457), `application/problem+json`, whatever went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from agents.api.answers import HEADERS
from agents.api.asked import ID_HEADER, asked
from streams.errors import CloutError

MEDIA_TYPE = "application/problem+json"
RETRY = {"Retry-After": "2"}
MOST_INSTANCE = 1_000  #: characters of a path that are said again: an id of 256 bytes has 768 when it is encoded
log = logging.getLogger("clout.api")

_TITLES = {404: "Not found", 405: "Method not allowed", 422: "Wrong parameter", 500: "Our fault", 503: "Not available"}


class Problem(Exception):
    """Raise it in a route to answer with a problem. `kind` is a stable, machine-readable name."""

    def __init__(
        self, status: int, kind: str, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.title, self.detail, self.more = status, kind, title, detail, more
        self.headers = headers or {}


def answer(request: Request, problem: Problem) -> Response:
    """The problem as a response."""
    body = {
        "type": f"urn:clout:problem:{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.scope["path"],
        **problem.more,
    }
    # surrogates in a path are no valid JSON for orjson; they come from bytes that are not UTF-8
    body["instance"] = str(body["instance"])[:MOST_INSTANCE].encode("utf-8", "replace").decode()
    return Response(orjson.dumps(body), problem.status, problem.headers, MEDIA_TYPE)


def of(request: Request, error: Problem | RedisError | CloutError) -> Response:
    """The answer when a route ends with one of these."""
    if isinstance(error, Problem):
        return answer(request, error)
    if isinstance(error, RedisError):
        log.warning("redis does not answer: error=%r", error)
        detail = "Redis does not answer; scores come back as soon as it does. Try again in a moment."
        return answer(request, Problem(503, "redis-down", "Redis does not answer", detail, headers=RETRY))
    log.warning("not done: error=%s", error)
    return answer(request, Problem(503, "not-done", _TITLES[503], str(error), headers=RETRY))


def install(app: FastAPI) -> None:
    """Every error of this app becomes a problem."""

    async def ours(request: Request, error: Problem | RedisError | CloutError) -> Response:
        return of(request, error)

    async def http(request: Request, error: HTTPException) -> Response:
        status = error.status_code
        title = _TITLES.get(status, "Error")
        kind = title.lower().replace(" ", "-")
        response = answer(request, Problem(status, kind, title, _DETAILS.get(status, str(error.detail))))
        response.headers.update(error.headers or {})
        if methods := _allowed(request) if status == 405 else None:  # of the first route of this path alone
            response.headers["allow"] = ", ".join(methods)
        return response

    async def validation(request: Request, error: RequestValidationError) -> Response:
        errors = [{"at": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        detail = "; ".join(f"{e['at']}: {e['message']}" for e in errors)
        return answer(request, Problem(422, "wrong-parameter", _TITLES[422], detail, errors=errors))

    async def bug(request: Request, _: Exception) -> Response:
        detail = "An error on our side; it is in the server's log."
        headers = HEADERS | {ID_HEADER: asked(request.scope).id}  # no middleware sees this answer
        return answer(request, Problem(500, "our-fault", _TITLES[500], detail, headers=headers))

    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody is there to read it; without this it would be an error in the log

    app.exception_handler(ClientDisconnect)(gone)
    for kind in (Problem, RedisError, CloutError):
        app.exception_handler(kind)(ours)
    app.exception_handler(HTTPException)(http)
    app.exception_handler(RequestValidationError)(validation)
    app.exception_handler(Exception)(bug)


def _allowed(request: Request) -> list[str]:
    """What this path can be asked with, by all documented routes that have it."""
    here = (route for route in request.app.declared if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in here for method in route.methods})


_DETAILS = {
    404: "There is nothing at this address; /openapi.json lists what there is.",
    405: "This address cannot be used in this way; /openapi.json lists how.",
}
