"""A receiver of webhooks that fails as receivers do: errors, silence, half an answer, a connection that breaks, nobody there."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import orjson
from aiohttp import web

SLOW_S = 0.3
FAILS = 0.3  #: of the messages


class Receiver:
    """Notes what it has accepted, by path: the ids in their order. `sick`: three in ten fail."""

    def __init__(self, seed: int, timeout_s: float) -> None:
        self._dice, self._silent_s = Random(seed), 3 * timeout_s
        self.accepted: defaultdict[str, list[str]] = defaultdict(list)
        self.alerts: Counter[str] = Counter()  #: by path, those that messages tell of
        self.names: defaultdict[str, set[str]] = defaultdict(set)  #: of each id what `webhook-id` was
        self.tried = 0
        self.failed: Counter[str] = Counter()
        self.sick = True
        self._ways: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
            "answers 500": self._error,
            "is silent": self._silence,
            "breaks the connection": self._broken,
            "closes in the middle of its answer": self._half,
            "redirects": self._elsewhere,
        }
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen, on the same port as before."""
        app = web.Application()
        app.router.add_post("/{channel}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Nobody is there."""
        if self._runner:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        channel, body = request.match_info["channel"], await request.read()
        self.tried += 1
        if self.sick and self._dice.random() < FAILS:
            way = self._dice.choice(sorted(self._ways))
            self.failed[way] += 1
            return await self._ways[way](request)
        if channel == "slow":
            await asyncio.sleep(SLOW_S)
        event: dict[str, Any] = orjson.loads(body)
        self.names[event["id"]].add(request.headers["webhook-id"])
        self.alerts[channel] += event["data"].get("count", 1)
        self.accepted[channel].append(event["id"])
        return web.Response(status=204)

    async def _error(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="something is wrong here")

    async def _silence(self, _: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self._silent_s)
        return web.Response(status=200)

    async def _broken(self, request: web.Request) -> web.StreamResponse:
        assert request.transport  # noqa: S101 - it is open
        request.transport.abort()
        return web.Response()

    async def _half(self, request: web.Request) -> web.StreamResponse:
        assert request.transport  # noqa: S101 - it is open
        request.transport.write(b"HTTP/1.1 2")  # type: ignore[attr-defined]
        request.transport.close()
        return web.Response()

    async def _elsewhere(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{self.port}/elsewhere"})
