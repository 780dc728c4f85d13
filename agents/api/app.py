"""The HTTP app: a factory. One page, two reads, one push stream, two health checks, and metrics beside a worker."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, MutableMapping
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from redis.exceptions import RedisError

from agents.api import problems
from agents.api.board import Board
from agents.api.problems import Problem
from agents.api.push import Hub, running
from agents.worker.health import Health, Ready
from agents.worker.metrics import MEDIA_TYPE, Metrics
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader, score_at
from streams.settings import Settings

STATIC = Path(__file__).parent / "static"
MOST_RECORDS = 1_000
MOST_PUSHED = 100
READY_WITHIN_S = 2.0
HEADERS = {
    # nothing from elsewhere, nothing inline: text from events can do nothing even if it got into the page as markup
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def _wall_ms() -> float:
    return time.time() * 1000


def create_api(settings: Settings, *, health: Health | None = None, wall_ms: Callable[[], float] = _wall_ms) -> FastAPI:
    """The app. It connects to Redis with its first request; `app.state.hub.close()` ends all push streams.

    `health` is that of the worker in this process, if there is one: then the checks speak of it and there is `/metrics`.
    """
    client = connect(settings)
    reader = Reader(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
    board = Board(reader, settings, wall_ms=wall_ms, monotonic_s=time.monotonic)
    hub = Hub(Board(reader, settings, wall_ms=wall_ms, monotonic_s=time.monotonic))

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(hub):
            yield
        await reader.close()

    app = FastAPI(
        title="Clout",
        summary="Live social influence scores from 1 to 100",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        responses={"4XX": {"description": "Problem details (RFC 9457)", "content": {problems.MEDIA_TYPE: {}}}},
    )
    app.state.hub = hub
    problems.install(app)
    app.add_middleware(_Headers)

    async def now_ms() -> int:
        return board.now_ms(await reader.pulses())

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(STATIC / "index.html")

    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/v1/users/{user:path}", summary="One user's score, as it is now")
    async def user(user: str) -> Response:
        """The score record, decayed to now, with `rank`, `of` and `percentile`. `user` is `network:id`."""
        record, rank, now = await asyncio.gather(reader.user(user), reader.rank(user), now_ms())
        if record is None or rank is None:
            detail = "Nobody of this name has acted or been acted on. A user is `network:id`, such as demo:carla7."
            raise Problem(404, "unknown-user", "Unknown user", detail)
        percentile = await reader.percentile(rank.score)
        return _json({**score_at(record, now), "rank": rank.rank, "of": rank.of, "percentile": percentile})

    @app.get("/v1/leaderboard", summary="The highest scores, as they are now")
    async def leaderboard(n: Annotated[int, Query(ge=1, le=MOST_RECORDS, description="how many")] = 10) -> Response:
        """`top` holds n score records with their `rank`, highest first, decayed to `now` (ms since epoch)."""
        now = await now_ms()
        top, population = await asyncio.gather(reader.top(n, now), reader.population())
        return _json({"now": now, "population": population, "top": [{**r, "rank": i} for i, r in enumerate(top, 1)]})

    @app.get(
        "/v1/stream",
        summary="The leaderboard, pushed",
        response_class=StreamingResponse,
        responses={
            200: {"description": "Server-sent events: `board`, or `down`", "content": {"text/event-stream": {}}}
        },
    )
    async def stream(n: Annotated[int, Query(ge=1, le=MOST_PUSHED, description="how many")] = 20) -> StreamingResponse:
        """`board`: `now`, `top` (rank, user, score, change in the last minute, ...), `stats`, the latest `alert`."""
        quiet = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(hub.follow(n), media_type="text/event-stream", headers=quiet)

    @app.get("/livez", summary="Is this process alive?", responses={503: {"description": "no: `rule` and `reason`"}})
    async def livez() -> Response:
        """A worker is alive while whatever has something to do gets something done; without one, whoever answers is alive."""
        if health is None:
            return _json({"status": "ok"})
        live, rule, why = health.verdict
        return _json({"status": "ok" if live else "stalled", "rule": rule, "reason": why}, 200 if live else 503)

    @app.get("/readyz", summary="Are there live scores to read?", responses={503: {"description": "not yet: `reason`"}})
    async def readyz() -> Response:
        """503 with `rule` and `reason` while a worker takes over (with its progress), Redis is down, or no partition shows life."""
        told = health.ready() if health else Ready(True, "pulse", "a partition has a fresh pulse", {})
        if not told.ready:
            return _not_ready(told.rule, told.why, **told.more)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                pulses = await reader.pulses()
        except (RedisError, OSError, TimeoutError):
            return _not_ready("redis", "Redis does not answer")
        partitions = {"fresh": board.fresh(pulses), "seen": len(pulses), "of": settings.partitions}
        if not partitions["fresh"]:
            reason = "no partition has a fresh pulse: no worker is writing scores"
            return _not_ready("pulse", reason, partitions=partitions)
        return _json(
            {"status": "ready", "rule": told.rule, "reason": told.why, "partitions": {**partitions, **told.more}}
        )

    if health:
        metrics = Metrics(health)

        @app.get("/metrics", summary="What the worker says of itself, for Prometheus", response_class=PlainTextResponse)
        async def metrics_now() -> Response:
            return Response(metrics.text(), media_type=MEDIA_TYPE)

    return app


def _not_ready(rule: str, reason: str, **more: Any) -> Response:
    return _json({"status": "not ready", "rule": rule, "reason": reason, **more}, 503)


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, {"cache-control": "no-store"}, "application/json")


class _Headers:
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
