"""The HTTP app: a factory. One page, the reads, one push stream, two health checks, and metrics beside a worker."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware

from agents.api import examples, problems
from agents.api.asked import ID_HEADER
from agents.api.door import Door, Reads, is_open
from agents.api.leaders import Leaders
from agents.api.outlet import Outlet
from agents.api.routes import (
    application,
    boards,
    controls,
    leaderboard,
    metrics,
    page,
    policies,
    search,
    stream,
    trial,
    user_parts,
    users,
    v2,
)
from agents.api.routes import health as checks
from agents.api.schemas import Api
from agents.api.served import Served
from agents.api.short import Short
from agents.api.skin import Bodies, Skin
from agents.api.stream.hub import Hub, Limits, running
from agents.api.together import Together
from agents.worker.health import Health
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.scoreboard.shards import partly
from streams.settings import Settings

_DESCRIPTION = """Times are ms since epoch, UTC. Scores are decayed to `as_of`, which each answer has; `freshness` is what
the partition of a user last said. Ids of users are `network:id`, percent-encoded. Errors are problem details (RFC 9457):
`type` is stable, `detail` is for people; after a 503 ask again as Retry-After says."""
LEAST_PACKED_BYTES = 1_024
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
TAKEN = ("authorization", "last-event-id", ID_HEADER)
SHOWN = (ID_HEADER, "etag", "retry-after", "www-authenticate")  #: headers that a page from elsewhere may see


def _wall_ms() -> float:
    return time.time() * 1000


async def _partly() -> AsyncIterator[None]:
    """Of Redis some shards may be missing while a request is answered: `answers.packed` tells."""
    with partly():
        yield


def create_api(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    health: Health | None = None,
    wall_ms: Callable[[], float] = _wall_ms,
    note: str = "",
) -> FastAPI:
    """The app. It connects to Redis with its first request; `app.state.hub.close()` ends all push streams.

    `health` is that of the worker in this process, if there is one: then the checks speak of it and there is `/metrics`.
    `note` goes out with each board, for the page. `host` is the address it listens on: it says whether reads are open.
    """
    reader = Reader(connect(settings), settings.redis_prefix, settings.redis_shards, settings.partitions)
    leaders = Leaders(reader, settings, wall_ms=wall_ms, monotonic_s=time.monotonic)
    door = Door(settings, open_=is_open(settings, host))
    hub = Hub(leaders, Limits.of(settings), note=note)
    served = Served(settings, reader, leaders, hub, health, Together(reader.ranked))

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if not door.open:
            door.keys.start()
        async with running(served.hub):
            yield
        await door.keys.close()
        await reader.close()

    app = Api(
        title="Clout",
        summary="Live social influence scores from 1 to 100",
        description=_DESCRIPTION,
        version="1",
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # looked for at each request, as dear as all layers here
        docs_url=None,  # their pages load scripts from elsewhere; ours is in routes/page.py
        redoc_url=None,
        servers=[{"url": settings.api_prefix}] if settings.api_prefix else None,
        responses={"4XX": examples.problems_of("Problem details (RFC 9457)")},
    )
    app.state.hub = served.hub
    problems.install(app)
    _around(app, served, door)
    app.include_router(page.routes())
    app.mount("/static", page.Files(directory=page.DASHBOARD), name="static")
    for one in (user_parts, users, leaderboard, boards, application, search, checks):
        app.include_router(one.routes(served), dependencies=[Depends(_partly)])
    for one in (v2, stream):  # they cannot say that an answer is partial
        app.include_router(one.routes(served))
    outlet = Outlet(settings, door.keys)
    app.include_router(controls.routes(door, outlet))
    app.include_router(policies.routes(served, door, outlet))
    app.include_router(trial.routes(served, door))
    if health:
        app.include_router(metrics.routes(health, served.hub))
    return app


def _around(app: FastAPI, served: Served, door: Door) -> None:
    """What is around the routes, the innermost first. All of it is plain ASGI: nothing holds up the stream."""
    app.add_middleware(Short, user=partial(users.one_user, served))
    app.add_middleware(Reads, door=door)
    app.add_middleware(Bodies)
    app.add_middleware(GZipMiddleware, minimum_size=LEAST_PACKED_BYTES, compresslevel=5)  # leaves the stream alone
    if origins := served.settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=TAKEN,
            expose_headers=SHOWN,
        )
    app.add_middleware(Skin, prefix=served.settings.api_prefix)
