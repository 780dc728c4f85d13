"""The application as a whole: how scores are spread, the latest alerts, the rules in force, and what runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from agents.api import examples
from agents.api.answers import json, packed
from agents.api.served import Served
from agents.shapes.boards import Alerts, Distribution, Rules
from agents.shapes.status import Status
from agents.surroundings import status
from streams.scoreboard.layout import ALERTS_KEPT, BINS_PER_POINT

_RULE = {"type": "rule", "name": "day-fall", "severity": "warning", "when": {"falls": 1.5, "within": "1d"}}
_BINS = [{"score": 41.2, "users": 310}, {"score": 41.3, "users": 287}]


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter(tags=["application"])

    @router.get(
        "/v1/distribution",
        summary="How scores are spread",
        responses=examples.answers(
            Distribution,
            {"population": 48_211, "mean": 37.9, "width": 0.1, "bins": _BINS, "as_of": examples.NOW},
            "a histogram: `users` from `score` up to `score` + `width`; empty bins are left out",
        ),
    )
    async def distribution() -> Response:
        """Of everyone engaged with in the last 90 days, accounts of persons left out, by stored scores. `mean` is their average,
        null without any. Percentiles of users are places in it. All requests within 250 ms get the same answer."""
        return json(await served.lately.get("distribution", spread))

    async def spread() -> bytes:
        found, now_ms = await served.spread(), await served.now_ms()
        bins = [{"score": number / BINS_PER_POINT, "users": count} for number, count in found.bins.items()]
        body = {"population": found.population, "mean": found.mean, "width": 1 / BINS_PER_POINT, "bins": bins}
        return packed({**body, "as_of": now_ms})

    @router.get(
        "/v1/alerts",
        summary="The latest alerts",
        responses=examples.answers(
            Alerts, {"items": [examples.ALERT], "as_of": examples.NOW}, "as in the topic `alerts`, the newest first"
        ),
    )
    async def alerts(
        limit: Annotated[int, Query(ge=1, le=ALERTS_KEPT, description="how many at most")] = 20,
    ) -> Response:
        """Of everyone, and of feeds that are silent. Redis keeps about a thousand, the topic all for 30 days."""
        items = await served.lately.get(("alerts", limit), lambda: served.reader.alerts(limit))
        return json({"items": items, "as_of": await served.now_ms()})

    @router.get(
        "/v1/rules",
        summary="The rules in force",
        responses=examples.answers(
            Rules,
            {"items": [_RULE], "offset": 17, "as_of": examples.NOW},
            "by which workers raise alerts, as they told Redis",
        ),
    )
    async def rules() -> Response:
        """Fields as in `clout topics schema policies`. `offset` is that of the last policy that workers know, -1 for none; null and
        no items: no worker has told its rules yet."""
        found = await served.lately.get("rules", served.reader.rules) or {"rules": [], "offset": None}
        return json({"items": found["rules"], "offset": found["offset"], "as_of": await served.now_ms()})

    @router.get(
        "/v1/status",
        summary="What runs, and what is wrong",
        responses=examples.answers(Status, examples.STATUS, "what `clout status --json` prints, as far as Redis knows"),
    )
    async def status_now() -> Response:
        """`partitions` with owner, age (ms) and version of each, `rules`, `channels` and how they stand, the latest `deliveries`,
        and in `wrong` a sentence for each thing that is. `gaps` and `silences` are null: only Kafka has them."""
        read = await served.lately.get("status", lambda: status.of_redis(served.reader))
        wall_ms = served.leaders.wall_ms()
        found = status.told(served.settings, read, None, None, wall_ms)
        return json({**found, "as_of": found["at"]})

    return router
