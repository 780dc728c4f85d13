"""The HTTP app: a factory. One page, the reads, one push stream, two health checks, and metrics beside a worker."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from agents.api import problems
from agents.api.answers import Headers
from agents.api.head import Head
from agents.api.ids import RawIds
from agents.api.leaders import Leaders
from agents.api.push import Hub, running
from agents.api.routes import application, leaderboard, metrics, page, search, stream, user_parts, users, v2
from agents.api.routes import health as checks
from agents.api.served import Served
from agents.worker.health import Health
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.settings import Settings

_DESCRIPTION = """Times are ms since epoch, UTC. Scores are decayed to `as_of`, which each answer has; `freshness` is what
the partition of a user last said. Ids of users are `network:id`, percent-encoded. Errors are problem details (RFC 9457):
`type` is stable, `detail` is for people; after a 503 ask again as Retry-After says."""


def _wall_ms() -> float:
    return time.time() * 1000


def create_api(
    settings: Settings, *, health: Health | None = None, wall_ms: Callable[[], float] = _wall_ms, note: str = ""
) -> FastAPI:
    """The app. It connects to Redis with its first request; `app.state.hub.close()` ends all push streams.

    `health` is that of the worker in this process, if there is one: then the checks speak of it and there is `/metrics`.
    `note` goes out with each board, for the page.
    """
    reader = Reader(connect(settings), settings.redis_prefix, settings.redis_shards, settings.partitions)
    leaders = Leaders(reader, settings, wall_ms=wall_ms, monotonic_s=time.monotonic)
    served = Served(settings, reader, leaders, Hub(leaders, note=note), health)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(served.hub):
            yield
        await reader.close()

    app = FastAPI(
        title="Clout",
        summary="Live social influence scores from 1 to 100",
        description=_DESCRIPTION,
        version="1",
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from elsewhere; ours is in routes/page.py
        redoc_url=None,
        responses={"4XX": {"description": "Problem details (RFC 9457)", "content": {problems.MEDIA_TYPE: {}}}},
    )
    app.state.hub = served.hub
    problems.install(app)
    app.add_middleware(RawIds)
    app.add_middleware(Headers)
    app.add_middleware(Head)
    app.include_router(page.routes())
    app.mount("/static", StaticFiles(directory=page.DASHBOARD), name="static")
    for one in (user_parts, users, leaderboard, application, search, v2, stream, checks):
        app.include_router(one.routes(served))
    if health:
        app.include_router(metrics.routes(health))
    return app
