"""Checks for probes: is it alive, and are there live scores to read?"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response
from redis.exceptions import RedisError

from agents.api.answers import json
from agents.api.problems import RETRY
from agents.api.schemas import Schema, ref
from agents.api.served import Served
from agents.shapes.status import Liveness, Readiness
from agents.surroundings.finding import OK
from agents.worker.health import Ready

READY_WITHIN_S = 2.0


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter()

    @router.get(
        "/livez",
        summary="Is this process alive?",
        responses=_either(Liveness, "yes", "no: `rule` and `reason`"),
    )
    async def livez() -> Response:
        """A worker is alive while whatever has something to do gets something done; without one, whoever answers is alive."""
        if served.health is None:
            return json({"status": "ok"})
        live, rule, why = served.health.verdict
        return json({"status": "ok" if live else "stalled", "rule": rule, "reason": why}, 200 if live else 503)

    @router.get(
        "/readyz",
        summary="Are there live scores to read?",
        responses=_either(Readiness, "yes", "not yet: `reason`"),
    )
    async def readyz() -> Response:
        """503 with `rule` and `reason` while a worker takes over (with its progress), Redis is down, or no partition shows life."""
        told = served.health.ready() if served.health else Ready(True, "pulse", "a partition has a fresh pulse", {})
        found = served.health.findings if served.health else ()
        more = {"findings": [{"check": c, "status": s, "text": text} for c, s, text, _ in found if s != OK]}
        if not told.ready:
            return not_ready(told.rule, told.why, **told.more, **more)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                pulses = await served.reader.pulses()
        except (RedisError, OSError, TimeoutError):
            return not_ready("redis", "Redis does not answer", **more)
        partitions = {"fresh": served.leaders.fresh(pulses), "seen": len(pulses), "of": served.settings.partitions}
        if not partitions["fresh"]:
            if why := await served.refused():
                return not_ready("redis", f"Redis: it {why}", partitions=partitions, **more)
            reason = "no partition has a fresh pulse: no worker is writing scores"
            return not_ready("pulse", reason, partitions=partitions, **more)
        return json(
            {
                "status": "ready",
                "rule": told.rule,
                "reason": told.why,
                "partitions": {**partitions, **told.more},
                **more,
            }
        )

    return router


def _either(kind: type, yes: str, no: str) -> dict[int | str, Schema]:
    """Two statuses, one type."""
    content = {"application/json": {"schema": ref(kind)}}
    return {200: {"description": yes, "content": content}, 503: {"description": no, "content": content}}


def not_ready(rule: str, reason: str, **more: Any) -> Response:
    """503, and why."""
    return json({"status": "not ready", "rule": rule, "reason": reason, **more}, 503, RETRY)
