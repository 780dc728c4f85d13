"""The highest scores."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from agents.api.answers import json
from agents.api.served import Served

MOST_RECORDS = 1_000


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter()

    @router.get("/v1/leaderboard", summary="The highest scores, as they are now")
    async def leaderboard(n: Annotated[int, Query(ge=1, le=MOST_RECORDS, description="how many")] = 10) -> Response:
        """`top` holds n score records with their `rank`, highest first, decayed to `now` (ms since epoch)."""
        now = await served.now_ms()
        top, population = await asyncio.gather(served.reader.top(n, now), served.reader.population())
        return json({"now": now, "population": population, "top": [{**r, "rank": i} for i, r in enumerate(top, 1)]})

    return router
