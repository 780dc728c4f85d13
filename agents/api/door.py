"""Who may come in, and how often. Reads are open where the settings say so; writes never are without a token."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.security import HTTPBearer

from agents.api import problems
from agents.api.answers import json
from agents.api.asked import asked
from agents.api.buckets import Buckets, address
from agents.api.keys import Keys
from agents.api.problems import Problem
from streams.model.tokens import Scope, Token
from streams.settings import Settings

API = ("/v1/", "/v2/")  #: what is behind the door; page, documentation, health and metrics are not
KLOUT = "/v2/"
_UNAUTHORIZED = 401
_BEARER = "bearer "
#: for the documentation: it asks for nothing by itself
BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="A token of `clout token add`.")


def is_open(settings: Settings, host: str) -> bool:
    """May anybody read who reaches this address?"""
    if settings.api_open != "loopback":
        return settings.api_open == "true"
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Door:
    """One for an app. `open_` says whether reads need a token."""

    def __init__(self, settings: Settings, *, open_: bool, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.keys = Keys(settings)
        self.open = open_
        self._buckets = Buckets(settings.api_limit, monotonic_s)

    def admit(self, scope: Any, needs: Scope) -> None:
        """Return if this request may do what needs that scope. Raises Problem: 401, 403, 429 or 503."""
        secret = _secret(scope)
        token = self._known(secret)
        self._limit(scope, token)
        if token:
            asked(scope).whose = token.name
        if needs == "read" and self.open:
            return
        self.keys.start()
        if self.keys.book is None:
            detail = "The tokens there are have not been read yet. Try again in a moment; /readyz is not about them."
            raise Problem(503, "no-tokens-yet", "Not available", detail, headers={"Retry-After": "2"})
        if token is None:
            raise _unauthorized(secret, "nobody has this token; it may have been replaced or removed")
        if token.over(time.time() * 1000):
            raise _unauthorized(secret, f"the token {token.name} has ended")
        if not token.allows(needs):
            headers = {"WWW-Authenticate": f'Bearer realm="clout", error="insufficient_scope", scope="{needs}"'}
            detail = f"This needs a token of scope {needs}; that of {token.name} has scope {token.scope}."
            raise Problem(403, "wrong-scope", "Wrong scope", detail, headers=headers, needs=needs)

    def needs(self, scope: Scope) -> Callable[[Request], Awaitable[None]]:
        """For `Depends`: a route, or all of a router, needs this scope."""

        async def needed(request: Request) -> None:
            self.admit(request.scope, scope)

        return needed

    def _known(self, secret: str | None) -> Token | None:
        return self.keys.find(secret) if secret else None

    def _limit(self, scope: Any, token: Token | None) -> None:
        """By token; whoever has none, or a wrong one, by address."""
        client = scope.get("client")
        who = f"token {token.name}" if token else address(client[0] if client else "")
        if wait_s := self._buckets.take(who):
            detail = "Too many requests in a minute, for this token or this address. See Retry-After."
            headers = {"Retry-After": str(math.ceil(wait_s))}
            raise Problem(429, "too-many-requests", "Too many requests", detail, headers=headers)


class Reads:
    """Plain ASGI: whatever reads from the API passes the door, whichever route it is. Writes say by `needs` what they need."""

    def __init__(self, app: Any, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(API):
            try:
                self._door.admit(scope, "read")
            except Problem as problem:
                if problem.status == _UNAUTHORIZED and scope["path"].startswith(KLOUT):  # as its clients expect it
                    refused = json({"status": 403, "error": "this key is refused"}, 403)
                    await refused(scope, receive, send)
                    return
                await problems.answer(Request(scope), problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _secret(scope: Any) -> str | None:
    """What stands behind `Authorization: Bearer`, or in `?key=` of a client of Klout's API; None: nothing does."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            text = value.decode("latin-1")
            return text[len(_BEARER) :].strip() if text[: len(_BEARER)].lower() == _BEARER else None
    if scope["path"].startswith(KLOUT):
        return next(iter(parse_qs(scope.get("query_string", b"").decode("latin-1")).get("key", [])), None)
    return None


def _unauthorized(secret: str | None, why: str) -> Problem:
    challenge = 'Bearer realm="clout"' + (', error="invalid_token"' if secret else "")
    said = f"Not let in: {why}." if secret else "This needs a token: `Authorization: Bearer clout_...`."
    detail = f"{said} `clout token add` makes one."
    return Problem(401, "no-token", "Not let in", detail, headers={"WWW-Authenticate": challenge})
