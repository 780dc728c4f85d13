"""What is around every answer: its headers, an id and a line in the log, HEAD, a prefix of a proxy; a bound on bodies."""

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
from agents.api.answers import HEADERS
from agents.api.asked import ID_HEADER, KEY, Asked
from agents.api.head import head, options
from agents.api.problems import Problem

log = logging.getLogger("clout.access")

MOST_BODY_BYTES = 65_536
_HEADER = ID_HEADER.encode()
_is_id = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch
_ON_ALL = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_AMENDED = (b"allow", b"location")
_QUIET = ("/livez", "/readyz", "/metrics")  # probes: at debug level


class Skin:
    """Around everything, in one pass: what each answer has, a line in the log, HEAD and OPTIONS, the prefix of a proxy.

    Each request has an id, the caller's if it is short and plain, which the answer and the log have, too. The log has method,
    route as it is declared, status, ms and whose token it was: nobody's id, address or query.

    With `prefix` a proxy serves us under that path, whether it takes it away or leaves it there; redirects lead to it.
    Plain ASGI, because Starlette's base class would buffer the stream.
    """

    def __init__(self, app: Any, prefix: str = "") -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.monotonic(), 500
        given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        about = scope[KEY] = Asked(given.decode() if _is_id(given) else secrets.token_hex(8))

        async def dressed(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [self._amended(*one) if one[0] in _AMENDED else one for one in message["headers"]]
                own = {name for name, _ in headers}  # the card has a policy of its own
                on_all = (one for one in _ON_ALL if one[0] not in own)
                message["headers"] = [*headers, *on_all, (_HEADER, about.id.encode())]
            await send(message)

        try:
            await self._answer(scope, receive, dressed)
        finally:
            level = logging.DEBUG if about.route in _QUIET else logging.INFO
            if log.isEnabledFor(level):
                ms = (time.monotonic() - began_s) * 1000
                said = (scope["method"], about.route, status, ms, about.whose, about.id)
                log.log(level, "request method=%s route=%s status=%d ms=%.1f token=%s id=%s", *said)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        if self._prefix and scope["path"] == self._prefix:  # files of the page lie beside it
            await RedirectResponse("/")(scope, receive, send)
            return
        scope = self._without_prefix(scope)
        if scope["method"] == "HEAD":
            await head(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, options(send) if scope["method"] == "OPTIONS" else send)

    def _without_prefix(self, scope: Any) -> Any:
        prefix, path = self._prefix, scope["path"]
        if not (prefix and path.startswith(f"{prefix}/")):
            return scope
        raw = scope.get("raw_path") or path.encode()
        rest = raw[len(prefix) :] if raw.startswith(prefix.encode()) else raw
        return scope | {"path": path[len(prefix) :], "raw_path": rest}

    def _amended(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """An `Allow` names HEAD and OPTIONS too; a redirect is a path: behind a proxy host and scheme known here lead nowhere."""
        if name == b"allow":
            methods = {one.strip() for one in value.split(b",")} | {b"OPTIONS"}
            return name, b", ".join(sorted(methods | {b"HEAD"} if b"GET" in methods else methods))
        return name, self._prefix.encode() + b"/" + re.sub(rb"^\w+://[^/]*", b"", value).lstrip(b"/")


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
