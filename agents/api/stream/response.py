"""A stream as the answer to a request: plain ASGI, with a time limit on each send, which Starlette's has not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Set
from typing import Any

from fastapi import Response

from agents.api.stream.hub import Hub
from agents.api.stream.listener import Listener, Wish

QUIET = {"cache-control": "no-store", "x-accel-buffering": "no"}  # no cache, and no proxy that gathers
_PATIENCE = 5


class EventStream(Response):
    """Server-sent events for one listener, who is in the hub from the first byte on until the connection ends."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, wish: Wish) -> None:
        self.status_code, self.background = 200, None
        self.init_headers(QUIET)
        self._hub, self._wish = hub, wish
        self._began_s: float | None = None  # the send that goes on

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        """Send until there is a reason to end, or the client goes."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.create_task(_gone(receive))
        try:
            with self._hub.listening(self._wish) as listener:
                sending = asyncio.create_task(self._send(listener, send))
                try:
                    taken = await self._taken({sending, gone})
                    if not taken:
                        listener.box.end("slow")
                finally:
                    sending.cancel()
                    await asyncio.wait({sending})
            if not sending.cancelled():
                sending.result()
            if not taken:
                # nothing can be said any more: the system ends a connection of which nothing is taken (`serve.UNREAD_MS`)
                await asyncio.wait({gone}, timeout=_PATIENCE * self._hub.limits.send_s)
        finally:
            gone.cancel()

    async def _taken(self, tasks: Set[asyncio.Task[None]]) -> bool:
        """Return when one of them has ended; False: a send takes too long. A timer for each send costs as much as the send."""
        clock_s, limit_s = asyncio.get_running_loop().time, self._hub.limits.send_s
        while (left_s := limit_s if self._began_s is None else self._began_s + limit_s - clock_s()) > 0:
            ended, _ = await asyncio.wait(tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if ended:
                return True
        return False

    async def _send(self, listener: Listener, send: Any) -> None:
        clock_s = asyncio.get_running_loop().time
        async with contextlib.aclosing(listener.frames()) as frames:
            async for chunk in frames:
                self._began_s = clock_s()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                self._began_s = None
        self._began_s = clock_s()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
