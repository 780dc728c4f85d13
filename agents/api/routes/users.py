"""One user: the score record as it is now."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from agents.api.answers import json
from agents.api.problems import Problem
from agents.api.served import Served
from streams.model.lately import record_counts
from streams.model.versions import model
from streams.scoreboard.reader import score_at


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter()

    @router.get("/v1/users/{user:path}", summary="One user's score, as it is now")
    async def user(user: str) -> Response:
        """The score record, decayed to now, with `rank`, `of` and `percentile`. `user` is `network:id`.

        `board` is null where `rank` is overall. Of an account of a person it is the network on whose board it is ranked; such
        accounts are not counted overall, so `percentile` is null. It is the part of those engaged with in the last 90 days who
        score less, in per cent; `counted` says whether this user is one of them.
        """
        record, rank, now = await asyncio.gather(served.reader.user(user), served.reader.rank(user), served.now_ms())
        if record is None or rank is None:
            detail = "Nobody of this name has acted or been acted on. A user is `network:id`, such as demo:carla7."
            raise Problem(404, "unknown-user", "Unknown user", detail)
        percentile = None if rank.network else await served.reader.percentile(rank.score)
        counted = record_counts(record, model(record["model"]), now)
        place = {"rank": rank.rank, "of": rank.of, "board": rank.network, "percentile": percentile, "counted": counted}
        return json({**score_at(record, now), **place})

    return router
