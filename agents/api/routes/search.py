"""Finding users by the beginning of their names."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from agents.api import examples
from agents.api.answers import json
from agents.api.problems import Problem
from agents.api.served import Served
from agents.shapes.users import Search
from streams.scoreboard.called import called
from streams.scoreboard.names import folded, name_of, numeric_id
from streams.scoreboard.reader import score_at

MOST_FOUND = 50
MOST_LETTERS = 256


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter()

    @router.get(
        "/v1/search",
        summary="Users whose names begin so",
        responses=examples.answers(
            Search,
            {
                "items": [{"user": "bluesky:bob", "name": "@bob.example", "id": "4917949500424828481", "score": 41.27}],
                "as_of": examples.NOW,
            },
            "who has exactly this name, then the highest scores",
        ),
    )
    async def search(
        q: Annotated[
            str,
            Query(
                min_length=1,
                max_length=MOST_LETTERS,
                json_schema_extra={"pattern": r"\S"},
                description="the beginning of a name, with the network or without it, in whatever case",
                examples=["bob", "bluesky:bo"],
            ),
        ],
        limit: Annotated[int, Query(ge=1, le=MOST_FOUND, description="how many")] = 10,
    ) -> Response:
        """`items`: who has exactly this name first, then the highest scores; each with `user`, numeric `id` (for `/v2`), `score`
        (1 to 100, decayed to `as_of`, ms since epoch), and the `person` whose account it is, if any.

        Of very many that begin so, the first by name are looked at: of each shard 400 entries, two a user at most.
        """
        wanted = folded(q.strip())
        if not wanted:
            raise Problem(422, "wrong-parameter", "Wrong parameter", "query.q: it is blank")
        now = await served.now_ms()
        known = [one for one in await served.reader.users(await served.reader.search.begins(q.strip())) if one]

        def place(record: dict[str, object]) -> tuple[bool, float, str]:
            user = str(record["user"])
            return wanted not in (folded(user), folded(name_of(user))), -float(str(record["score"])), user

        found = [score_at(one, now) for one in sorted(known, key=place)[:limit]]
        items = [
            {
                "user": one["user"],
                **called(one),
                "id": numeric_id(one["user"], served.settings.app),
                "score": one["score"],
                **({"person": one["person"]} if "person" in one else {}),
            }
            for one in found
        ]
        return json({"items": items, "as_of": now})

    return router
