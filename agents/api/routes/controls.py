"""Writes about users: links to persons, facts, hidden topics; what the topic `controls` takes."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from agents.api import bodies, body_schemas, examples
from agents.api.answers import json
from agents.api.door import BEARER, Door
from agents.api.outlet import Outlet
from streams.events import MAX_AHEAD_MS, Reject
from streams.people.controls import encode, parse

SENT: dict[int | str, dict[str, Any]] = {
    202: examples.sent("Sent: `topic`, `partition` and `offset` say where to"),
    401: examples.problems_of("No token, or none that holds"),
    403: examples.problems_of("The token is of another scope; `needs` says of which"),
    503: examples.problems_of("Kafka does not answer, or tokens are not read yet; see Retry-After"),
}


def routes(door: Door, outlet: Outlet) -> APIRouter:
    """The router: a token of scope `write`."""
    router = APIRouter(dependencies=[Depends(BEARER), Depends(door.needs("write"))], tags=["writes"], responses=SENT)

    @router.post("/v1/controls", summary="Say something of a user", status_code=202, openapi_extra=body_schemas.control())
    async def control(request: Request) -> Response:
        """The body is one control as the topic `controls` has it: `{"type": "link", "user": "bluesky:ann", "person": "ann"}`, or
        of type `unlink`, `facts` or `hide-topic`. `ts`, ms since epoch, is now where it is left out. A worker takes it up within
        a second or so; to send one again changes nothing.
        """
        now_ms = int(time.time() * 1000)
        sent = await bodies.fields(request)
        body = msgspec.json.encode({"ts": now_ms} | sent)
        found = parse(body, now_ms + MAX_AHEAD_MS)
        if isinstance(found, Reject):
            raise bodies.wrong(found.path, found.message)
        return json(await outlet.control(*encode(found)), 202)

    return router
