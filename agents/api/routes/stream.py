"""Push: the leaderboard as server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from agents.api.served import Served

MOST_PUSHED = 100


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter()

    @router.get(
        "/v1/stream",
        summary="The leaderboard, pushed",
        response_class=StreamingResponse,
        responses={
            200: {"description": "Server-sent events: `board`, or `down`", "content": {"text/event-stream": {}}}
        },
    )
    async def stream(n: Annotated[int, Query(ge=1, le=MOST_PUSHED, description="how many")] = 20) -> StreamingResponse:
        """`board`: `now`, `top` (rank, user, score, change in the last minute, ...), `stats`, `alerts` (the latest five, as in the
        topic `alerts`, newest first), `alert` (the newest), `deliveries` (how many channels, those in `trouble` and why, the
        latest outcomes, newest first), a `note`."""
        quiet = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(served.hub.follow(n), media_type="text/event-stream", headers=quiet)

    return router
