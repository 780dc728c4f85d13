"""Which boards there are: the networks, and the topics that people are engaged with for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from agents.api import examples
from agents.api.answers import json
from agents.api.served import Served
from agents.shapes.boards import Boards

MOST_TOPICS = 1_000


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter(tags=["boards"])

    @router.get(
        "/v1/boards",
        summary="Which boards there are",
        responses=examples.answers(
            Boards,
            {
                "networks": [{"network": "bluesky", "users": 48_211}],
                "topics": ["jazz", "python"],
                "as_of": examples.NOW,
            },
            "networks, the largest first; topics, the one with the most engagement for one person first",
        ),
    )
    async def boards(
        topics: Annotated[int, Query(ge=0, le=MOST_TOPICS, description="how many topics at most")] = 20,
    ) -> Response:
        """For `network` and `topic` of `/v1/leaderboard`. `users` is how many are on the board of the network."""
        known = await served.lately.get(("topics", topics), lambda: served.reader.topics.topics(topics))
        networks = [{"network": name, "users": users} for name, users in (await served.networks()).items()]
        return json({"networks": networks, "topics": known[:topics], "as_of": await served.now_ms()})

    return router
