"""Metrics of the worker in this process, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from agents.api.stream.figures import Figures
from agents.api.stream.hub import Hub
from agents.worker.health import Health
from agents.worker.metrics import MEDIA_TYPE, Metrics


def routes(health: Health, hub: Hub) -> APIRouter:
    """The router."""
    router, metrics = APIRouter(), Metrics(health, more=[Figures(hub)])

    @router.get("/metrics", summary="What the worker says of itself, for Prometheus", response_class=PlainTextResponse)
    async def metrics_now() -> Response:
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return router
