"""The short way to what is asked most, one user; to everything else by the router, with ids as they were sent.

FastAPI tries forty routes three times over, opens four exit stacks and has pydantic look at each parameter: more than all that a
read of one user does. Its route is declared like any other, for the document, and by FastAPI it is answered the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from redis.exceptions import RedisError

from agents.api import problems
from agents.api.asked import asked
from agents.api.problems import Problem
from streams.errors import CloutError
from streams.scoreboard.shards import partly

USER = "/v1/users/{id:path}"
_UNDER = "/v1/users/"


class Short:
    """Next to the router. Plain ASGI.

    Ids are matched on the raw path, where a slash of an id, `%2F`, is none of the address. Keeps which route was taken, for what
    is farther out may see a copy of the scope.
    """

    def __init__(self, app: Any, user: Callable[[Request, str], Awaitable[Response]]) -> None:
        """`user` answers a read of one user, by the raw id."""
        self._app, self._user = app, user

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raw = scope.get("raw_path", b"").decode("latin-1") if scope["type"] == "http" else ""
        if raw.startswith(_UNDER, len(scope.get("root_path", ""))):
            scope = scope | {"path": raw}
            ident = raw[len(scope.get("root_path", "")) + len(_UNDER) :]
            if scope["method"] == "GET" and ident and "/" not in ident:
                asked(scope).route = USER
                await (await self._one(Request(scope, receive), ident))(scope, receive, send)
                return
        try:
            await self._app(scope, receive, send)
        finally:
            if route := scope.get("route"):
                asked(scope).route = getattr(route, "path", "-")

    async def _one(self, request: Request, ident: str) -> Response:
        try:
            with partly():
                return await self._user(request, ident)
        except (Problem, RedisError, CloutError) as error:
            return problems.of(request, error)
