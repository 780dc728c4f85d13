"""Answers: JSON that nobody stores, and the headers of every answer."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import orjson
from fastapi import Response

HEADERS = {
    # nothing from elsewhere, nothing inline: text from events can do nothing even if it got into the page as markup
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def json(body: Any, status: int = 200) -> Response:
    """JSON as it is now: no cache may keep it."""
    return Response(orjson.dumps(body), status, {"cache-control": "no-store"}, "application/json")


class Headers:
    """Puts the security headers on every answer. Plain ASGI, because Starlette's base class would buffer the stream."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in present]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, with_headers)
