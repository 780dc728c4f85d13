"""A receiver of webhooks on loopback, in a thread of its own: what it got, and what it answers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from aiohttp import web

Answer = Callable[["Got"], "web.StreamResponse | Awaitable[web.StreamResponse]"]


class Got(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]  #: names in small letters
    body: bytes


class Receiver:
    """What came, in its order."""

    def __init__(self, answer: Answer | None) -> None:
        self.got: list[Got] = []
        self.answer = answer
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        one = Got(request.path, {name.lower(): value for name, value in request.headers.items()}, await request.read())
        self.got.append(one)
        if self.answer is None:
            return web.Response(status=204)
        found = self.answer(one)
        return await found if isinstance(found, Awaitable) else found


@contextlib.contextmanager
def receiving(answer: Answer | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Receives while the block lasts, at `url`."""
    receiver, ready, loop = Receiver(answer), threading.Event(), asyncio.new_event_loop()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", receiver.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10.0)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5.0)
