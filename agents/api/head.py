"""HEAD: the same status and headers as GET, without the body. Health checks, load balancers and `curl -I` ask in this way."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any


class Head:
    """Answers HEAD by asking the app for GET and keeping what comes behind the headers. Plain ASGI, for every route at once.

    The app is stopped as soon as its headers have gone: a push stream would never end by itself.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._head(scope | {"method": "GET"}, receive, send)
        else:
            await self._app(scope, receive, _allowing(send))

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


def _allowing(send: Any) -> Any:
    """`send`, but an `Allow` that names GET names HEAD too."""

    async def allowing(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] == 405:
            message["headers"] = [
                (name, value + b", HEAD" if name == b"allow" and b"GET" in value and b"HEAD" not in value else value)
                for name, value in message["headers"]
            ]
        await send(message)

    return allowing
