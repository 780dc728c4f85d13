"""The page, and the documentation of the API: both use nothing but this API."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

DASHBOARD = Path(__file__).parents[1] / "dashboard"


def routes() -> APIRouter:
    """The router; the files beside the page are mounted under /static."""
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(DASHBOARD / "index.html")

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(DASHBOARD / "docs.html")

    return router
