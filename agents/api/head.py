"""What load balancers, probes and `curl -I` ask: HEAD, the status and headers of GET without the body; and OPTIONS."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any


class Head:
    """Answers HEAD by asking the app for GET and keeping what comes behind the headers, OPTIONS with what is allowed.

    Plain ASGI, for every route at once. Behind HEAD the app is stopped as soon as its headers have gone: a push stream would
    never end by itself.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._head(scope | {"method": "GET"}, receive, _plain(send))
        elif scope["method"] == "OPTIONS":
            await self._app(scope, receive, _options(_plain(send)))
        else:
            await self._app(scope, receive, _plain(send))

    async def _head(self, scope: Any, receive: Any, send: Any) -> None:
        answered = asyncio.Event()

        async def headers_only(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and not answered.is_set():
                await send(message)
                answered.set()

        app = asyncio.create_task(self._app(scope, receive, headers_only))
        known = asyncio.create_task(answered.wait())
        try:
            await asyncio.wait({app, known}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            known.cancel()
            app.cancel()  # nothing, if it has ended
        await asyncio.wait({app})
        if answered.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            app.result()  # raises what the app raised


def _plain(send: Any) -> Any:
    """`send`, but an `Allow` names HEAD and OPTIONS too, and a redirect is a path.

    Behind a proxy that speaks TLS the host and scheme that are known here would lead nowhere.
    """

    async def plain(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [_amended(name, value) for name, value in message["headers"]]
        await send(message)

    return plain


def _amended(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name == b"allow" and b"GET" in value:
        return name, b"GET, HEAD, OPTIONS"
    if name == b"location":
        return name, b"/" + re.sub(rb"^\w+://[^/]*", b"", value).lstrip(b"/")
    return name, value


def _options(send: Any) -> Any:
    """`send` for OPTIONS: where a method would be refused, the answer is which are not, without a body."""
    allowed = False

    async def options(message: MutableMapping[str, Any]) -> None:
        nonlocal allowed
        if message["type"] == "http.response.start" and message["status"] == 405:
            allowed, of_body = True, (b"content-type", b"content-length")
            headers = [(name, value) for name, value in message["headers"] if name not in of_body]
            message.update(status=204, headers=headers)
        elif allowed:
            message.update(body=b"", more_body=False)
        await send(message)

    return options
