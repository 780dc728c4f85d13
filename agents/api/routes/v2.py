"""What clients of Klout's API v2 ask, answered in its shapes: `agents.api.klout`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute

from agents.api import examples
from agents.api.answers import json
from agents.api.klout import Klout, Missing
from agents.api.served import Served


def routes(served: Served) -> APIRouter:
    """The router. Whether somebody with this `key` may read says the door."""
    responses: dict[int | str, dict[str, Any]] = {
        403: {"description": "the key is refused: `status` and `error`"},
        404: {"description": "there is no such user: `status` and `error`"},
        503: examples.problems_of("Redis does not answer, or tokens are not read yet; see Retry-After"),
    }
    router = APIRouter(
        prefix="/v2",
        route_class=_Answering,
        dependencies=[Depends(_key)],
        responses=responses,
        tags=["Klout v2"],
    )
    klout = Klout(served)

    @router.get("/identity.json/twitter", summary="The numeric id of a screen name")
    async def screen_name(
        name: Annotated[
            str, Query(alias="screenName", description="of network twitter, else the one that has it")
        ] = "",
    ) -> Response:
        """`{"id": "635263", "network": "ks"}`; of an account of a person, that of the person."""
        return json(await klout.screen_name(name))

    @router.get("/identity.json/klout/{ident}/{network}", summary="The id on a network of a numeric id")
    async def account(ident: str, network: str) -> Response:
        """`{"id": "17439480", "network": "tw"}`."""
        return json(await klout.account(ident, network))

    @router.get("/identity.json/{network}/{name:path}", summary="The numeric id of a user of a network")
    async def identity(network: str, name: str) -> Response:
        """`network` is `tw`, `gp`, `ig`, `fb`, `li`, or as it is called here."""
        return json(await klout.identity(network, name))

    @router.get("/user.json/{ident}", summary="A user by numeric id")
    async def user(ident: str) -> Response:
        """`kloutId`, `nick`, `score` with its `bucket`, `scoreDeltas` (day, week and month, in points)."""
        return json(await klout.user(ident))

    @router.get("/user.json/{ident}/score", summary="A score by numeric id")
    async def score(ident: str) -> Response:
        """`score` (1 to 100), `bucket`, `scoreDelta` since the last daily close, and those 6 and 29 days before it."""
        return json(await klout.score(ident))

    @router.get("/user.json/{ident}/influence", summary="Who influences whom")
    async def influence(ident: str) -> Response:
        """`myInfluencers`: with whom this user engages most; `myInfluencees`: who engages most with this user; up to five each."""
        return json(await klout.influence(ident))

    @router.get("/user.json/{ident}/topics", summary="What a user is engaged with for")
    async def topics(ident: str) -> Response:
        """The most first, at most ten."""
        return json(await klout.topics(ident))

    @router.get("/{rest:path}", include_in_schema=False)
    async def nothing() -> Response:
        raise Missing("There is nothing at this address.")

    return router


async def _key(key: Annotated[str, Query(description="a token; any while reads are open")] = "") -> None:
    """For the documentation: `_answering` looks at it."""


class _Answering(APIRoute):
    """Its refusals are in Klout's manner."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except Missing as error:
                return _refused(404, str(error))

        return answered


def _refused(status: int, error: str) -> Response:
    return json({"status": status, "error": error}, status)
