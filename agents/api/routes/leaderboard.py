"""The highest scores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Response

from agents.api.answers import json
from agents.api.problems import Problem
from agents.api.served import Served

MOST_RECORDS = 1_000


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter()

    @router.get("/v1/leaderboard", summary="The highest scores, as they are now")
    async def leaderboard(
        n: Annotated[int, Query(ge=1, le=MOST_RECORDS, description="how many")] = 10,
        network: Annotated[str | None, Query(description="on this network's board instead of the overall one")] = None,
    ) -> Response:
        """`top` holds n score records with their `rank`, highest first, decayed to `now` (ms since epoch).

        `population` is how many are on the board. Accounts of persons are on the boards of their networks only.
        """
        now = await served.now_ms()
        top, population = await asyncio.gather(served.reader.top(n, now, network), served.reader.population(network))
        if network is not None and not population:
            detail = "No board of a network of this name. One of those there are: " + _some(
                await served.reader.networks()
            )
            raise Problem(404, "unknown-network", "Unknown network", detail)
        return json({"now": now, "population": population, "top": [{**r, "rank": i} for i, r in enumerate(top, 1)]})

    return router


def _some(names: Iterable[str]) -> str:
    return ", ".join(islice(names, 10)) or "none yet"
