"""The page in a real browser."""

from __future__ import annotations

import asyncio

import httpx

from tests.api.chromium import tab
from tests.api.conftest import SCORES, Scene

USERS = "[...document.querySelectorAll('#board .user a')].map((a) => a.textContent)"


def test_page_shows_the_board_live(scene: Scene, page: httpx.Client) -> None:
    """The page shows the board, follows it without a reload, and shows markup in names as text."""

    async def story() -> None:
        async with tab() as browser:
            await browser.ask("Page.navigate", url=str(page.base_url))
            await browser.until("document.querySelectorAll('#board tr').length === 4")
            assert await browser.run(USERS) == sorted(SCORES, key=lambda user: -SCORES[user])
            assert await browser.run("document.querySelectorAll('#board img').length") == 0
            assert await browser.run("document.getElementById('state').textContent") == "live"
            alert = {"user": "x:cy", "state": "raised", "fall": 6.5, "score": 12.0, "at": 0}
            await asyncio.to_thread(scene.write, {"x:cy": 88.0}, counts=30, alerts=(alert,))
            await browser.until(f"({USERS})[0] === 'x:cy'")
            assert "fell 6.5 points to 12.0" in await browser.run("document.getElementById('alert').textContent")
            await browser.size(390, 844)
            assert await browser.run("document.documentElement.scrollWidth") <= 390

    asyncio.run(story())


def test_the_documentation_is_browsable_and_asks_for_nothing_elsewhere(page: httpx.Client) -> None:
    """Every operation of openapi.json is there with its parameters; one can be tried, and all that was loaded is ours."""
    paths = page.get("/openapi.json").json()["paths"]

    async def story() -> None:
        async with tab() as browser:
            await browser.ask("Page.navigate", url=str(page.base_url.join("/docs")))
            await browser.until(f"document.querySelectorAll('.operation').length === {len(paths)}")
            assert await browser.run("[...document.querySelectorAll('h2 code')].map((c) => c.textContent)") == list(
                paths
            )
            await browser.run("document.querySelector('input[name=user]').value = 'x:<b>&/?'")
            await browser.run("document.querySelector('.operation form').requestSubmit()")
            await browser.until("document.querySelector('.operation pre').textContent.startsWith('404')")
            assert "Unknown user" in await browser.run("document.querySelector('.operation pre').textContent")
            loaded = await browser.run("performance.getEntriesByType('resource').map((entry) => entry.name)")
            assert loaded
            assert all(name.startswith(str(page.base_url)) for name in loaded)
            await browser.size(390, 844)
            assert await browser.run("document.documentElement.scrollWidth") <= 390

    asyncio.run(story())
