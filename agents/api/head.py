"""What load balancers, probes and `curl -I` ask: HEAD, the status and headers of GET without the body; and OPTIONS."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any


async def head(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Answer HEAD by asking the app for GET and keeping what comes behind the headers.

    The app is stopped as soon as its headers have gone: a push stream would never end by itself.
    """
    answered = asyncio.Event()

    async def headers_only(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and not answered.is_set():
            await send(message)
            answered.set()

    asking = asyncio.create_task(app(scope | {"method": "GET"}, receive, headers_only))
    known = asyncio.create_task(answered.wait())
    try:
        await asyncio.wait({asking, known}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        known.cancel()
        asking.cancel()  # nothing, if it has ended
    await asyncio.wait({asking})
    if answered.is_set():
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        asking.result()  # raises what the app raised


def options(send: Any) -> Any:
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
