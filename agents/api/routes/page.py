"""The page, and the documentation of the API: both use nothing but this API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

DASHBOARD = Path(__file__).parents[1] / "dashboard"
AGAIN = {"cache-control": "no-cache"}  # kept, but asked for again: after an upgrade no old script meets a new one


class Files(StaticFiles):
    """The files beside the page."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """As they are, to be asked for again."""
        answer = super().file_response(*args, **kwargs)
        answer.headers.update(AGAIN)
        return answer


def routes() -> APIRouter:
    """The router; the files beside the page are mounted under /static."""
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(DASHBOARD / "index.html", headers=AGAIN)

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(DASHBOARD / "docs.html", headers=AGAIN)

    return router
