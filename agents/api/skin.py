"""What is around every answer: an id for each request and a line in the log; a prefix of a proxy; a bound on what is sent to us."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse

from agents.api import problems
from agents.api.asked import ID_HEADER, KEY, Asked
from agents.api.problems import Problem

log = logging.getLogger("clout.access")

MOST_BODY_BYTES = 65_536
_HEADER = ID_HEADER.encode()
_is_id = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch
_QUIET = ("/livez", "/readyz", "/metrics")  # probes: at debug level


class Ids:
    """Each request has an id, the caller's if it is short and plain, which the answer and the log have, too.

    The log has method, route as it is declared, status, ms and whose token it was: nobody's id, address or query.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.monotonic(), 0
        given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        about = scope[KEY] = Asked(given.decode() if _is_id(given) else secrets.token_hex(8))

        async def with_id(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, about.id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        finally:
            ms = (time.monotonic() - began_s) * 1000
            level = logging.DEBUG if about.route in _QUIET else logging.INFO
            said = (scope["method"], about.route, status or 500, ms, about.whose, about.id)
            log.log(level, "request method=%s route=%s status=%d ms=%.1f token=%s id=%s", *said)


class Prefix:
    """Behind a proxy that serves us under a path, whether it takes it away or leaves it there. Redirects lead to that path."""

    def __init__(self, app: Any, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == self._prefix:  # files of the page lie beside it
            await RedirectResponse(f"{self._prefix}/")(scope, receive, send)
            return
        if scope["type"] == "http":
            scope, send = self._without(scope), self._leading(send)
        await self._app(scope, receive, send)

    def _without(self, scope: Any) -> Any:
        prefix, path = self._prefix, scope["path"]
        if not path.startswith(f"{prefix}/"):
            return scope
        raw = scope.get("raw_path") or path.encode()
        rest = raw[len(prefix) :] if raw.startswith(prefix.encode()) else raw
        return scope | {"path": path[len(prefix) :], "raw_path": rest}

    def _leading(self, send: Any) -> Any:
        async def leading(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, self._prefix.encode() + value if name == b"location" and value.startswith(b"/") else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        return leading


class Bodies:
    """What is sent to us has at most 64 KB: 413, before it is read where its length is said."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if said.isdigit() and int(said) > MOST_BODY_BYTES:
            await problems.answer(Request(scope), _too_large())(scope, receive, send)
            return
        came = 0

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal came
            message: MutableMapping[str, Any] = await receive()
            came += len(message.get("body", b""))
            if came > MOST_BODY_BYTES:
                raise _too_large()
            return message

        await self._app(scope, bounded, send)


def _too_large() -> Problem:
    return Problem(413, "too-large", "Too large", f"A body has at most {MOST_BODY_BYTES:,} bytes.")
