"""Health checks and metrics of a process that serves nothing else, on a port of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from streams.errors import UsageError

_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@contextlib.asynccontextmanager
async def serving(host: str, port: int, metrics: Collector, unready: Callable[[], str]) -> AsyncIterator[int]:
    """Serves while the block lasts; yields the real port. `unready` says why it is not ready; empty: it is.

    Raises UsageError if the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(metrics)

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        if not (reason := unready()):
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "not ready", "reason": reason}, status=503)

    async def metrics_now(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": _MEDIA_TYPE})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics_now)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"cannot serve on {host}:{port} ({why}); choose another --port, or 0 for a free one"
            ) from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
