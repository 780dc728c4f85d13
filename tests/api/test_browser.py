"""The page in a real browser."""

from __future__ import annotations

import asyncio

import httpx
import orjson

from tests.alerts import OLD, of_feed, told
from tests.api.chromium import tab
from tests.api.conftest import SCORES, Scene, now_ms

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
            assert await browser.run("document.getElementById('calm').hidden") is False
            why = "fell 6.5 points: <b>the purge</b> took back 9 replies"
            alert = orjson.loads(told("x:cy", score=12.0, change=-6.5, sentence=why, severity="critical"))
            feed = orjson.loads(of_feed("<b>net"))
            await asyncio.to_thread(scene.write, {"x:cy": 88.0}, counts=30, alerts=(OLD, alert, feed))
            await browser.until(f"({USERS})[0] === 'x:cy'")
            last, newest, oldest = await browser.run(
                "[...document.querySelectorAll('#alerts li')].map((li) => li.textContent)"
            )
            assert f"raised x:cy \u22126.5 to 12.0 {why}" in newest
            assert "raised t:old \u22127.5 to 40.0" in oldest
            loud = await browser.run("[...document.querySelectorAll('#alerts li')].map((li) => li.dataset.severity)")
            assert loud == ["warning", "critical", "warning"]
            assert "raised <b>net nothing comes from <b>net since 2026-01-01T00:00:00Z" in last
            assert await browser.run("document.getElementById('calm').hidden") is True
            assert await browser.run("document.getElementById('deliveries').hidden") is True
            await browser.size(390, 844)
            assert await browser.run("document.documentElement.scrollWidth") <= 390

    asyncio.run(story())


def test_page_shows_deliveries(scene: Scene, page: httpx.Client) -> None:
    """The latest, and channels that are in trouble; what receivers say is text, and never too wide."""
    at, evil = now_ms(), "<b>answered 500</b>" + "x" * 200
    standing = {"enabled": True, "at": at + 600_000, "open_until": None, "last": "", "off": ""}
    told = {"channel": "ops", "id": "r/x:ada/1/raised", "about": "x:<i>", "at": at, "state": "failed", "attempts": 2}
    bad = standing | {"channel": "pager", "off": "answered 410: <u>gone</u>"}
    scene.deliver(standing | {"channel": "ops"}, bad, told=(told | {"said": evil},))

    async def story() -> None:
        async with tab() as browser:
            await browser.ask("Page.navigate", url=str(page.base_url))
            await browser.until("document.querySelectorAll('#delivered li').length === 1")
            assert await browser.run("document.getElementById('deliveries').hidden") is False
            said = await browser.run("document.querySelector('#delivered li').textContent")
            assert said.endswith(f" ops failed x:<i> {evil}")
            trouble = await browser.run("[...document.querySelectorAll('#trouble li')].map((li) => li.textContent)")
            assert trouble == ["pager: switched off: answered 410: <u>gone</u>"]
            assert (
                await browser.run("document.querySelectorAll('#deliveries b, #deliveries i, #deliveries u').length")
                == 0
            )
            await browser.size(390, 844)
            assert await browser.run("document.documentElement.scrollWidth") <= 390

    asyncio.run(story())


def test_the_documentation_is_browsable_and_asks_for_nothing_elsewhere(page: httpx.Client) -> None:
    """Every operation of openapi.json is there with its parameters; one can be tried, and all that was loaded is ours."""
    listed = page.get("/openapi.json").json()["paths"].items()
    paths = [path for path, methods in listed for _ in methods]

    async def story() -> None:
        async with tab() as browser:
            await browser.ask("Page.navigate", url=str(page.base_url.join("/docs")))
            await browser.until(f"document.querySelectorAll('.operation').length === {len(paths)}")
            assert await browser.run("[...document.querySelectorAll('h2 code')].map((c) => c.textContent)") == paths
            await browser.run("document.querySelector('input[name=id]').value = 'x:<b>&/?'")
            await browser.run("document.querySelector('.operation form').requestSubmit()")
            await browser.until("document.querySelector('.operation pre').textContent.startsWith('404')")
            assert "Unknown user" in await browser.run("document.querySelector('.operation pre').textContent")
            loaded = await browser.run("performance.getEntriesByType('resource').map((entry) => entry.name)")
            assert loaded
            assert all(name.startswith(str(page.base_url)) for name in loaded)
            await browser.size(390, 844)
            assert await browser.run("document.documentElement.scrollWidth") <= 390

    asyncio.run(story())
