"""A person's page: what Redis has of them, charts with a table behind each, and names that may be anything."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import httpx

from agents.client import Clout
from tests.api.conftest import Scene
from tests.dashboard.browser import Driver, until
from tests.dashboard.town import ANN, HISTORY, HOSTILE, NAMES, SCORES
from tests.dashboard.views import WHOLE, views


def person(home: str, user: str) -> str:
    """The address of a person's page."""
    return f"{home}#/person/{quote(user, safe='')}"


def test_it_shows_the_score_that_redis_has(scene: Scene, town: httpx.Client, driver: Driver) -> None:
    """Score, rank and change are those of the API, and stay so when the score moves."""
    home = str(town.base_url)
    with Clout(home) as client:
        record = client.user(ANN)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(person(home, ANN))
            await until(page, f"document.querySelector('.digits')?.textContent === '{record.score:.1f}'")
            facts = await page.locator(".facts").text_content()
            assert f"rank{record.rank}" in str(facts)
            assert "today+1.4" in str(facts)
            await asyncio.to_thread(scene.write, {ANN: 88.8}, counts=30)
            await until(page, "document.querySelector('.digits').textContent === '88.8'", within_s=30)

    driver.play(story())


def test_behind_each_chart_is_a_table(town: httpx.Client, driver: Driver) -> None:
    """Ninety days with the change of model and the alerts on the line; what is drawn can be read as a table too."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(person(home, ANN))
            history = page.locator("[data-name=history]")
            await history.locator(".line").wait_for()
            assert await history.locator(".model text").text_content() == "clout-1"
            assert await history.locator(".flag").count() == 1
            await history.locator("summary").click()
            assert await history.locator("tbody tr").count() == len(HISTORY)
            charts, tables = page.locator(".chart"), page.locator(".chart .behind table")
            assert await charts.count() == await tables.count() >= 3
            assert await page.locator("[data-name=people] .node").count() == 13
            assert await page.locator("[data-name=parts] tbody tr").count() >= 3

    driver.play(story())


def test_what_people_call_things_is_never_an_address_to_run(town: httpx.Client, driver: Driver) -> None:
    """An object is a link only where it plainly is an address of the web, and then one that tells nothing of us."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(person(home, ANN))
            moments = page.locator("[data-name=moments] .object")
            await moments.first.wait_for()
            assert await moments.nth(0).get_attribute("href") == "https://social.example/1"
            assert "noreferrer" in str(await moments.nth(0).get_attribute("rel"))
            assert await moments.nth(1).get_attribute("href") is None
            assert await moments.nth(1).text_content() == "javascript:alert(1)//<b>"

    driver.play(story())


def test_a_name_never_stands_for_the_id(town: httpx.Client, driver: Driver) -> None:
    """Markup and all, on the narrowest page: the name in large, the id below; others around have theirs."""
    home, user = str(town.base_url), "mastodon:emil"

    async def story() -> None:
        async with driver.tab(home, wide=390, high=844) as (page, _):
            await page.goto(person(home, user))
            await page.locator("h1 bdi").wait_for()
            assert await page.locator("h1 bdi").text_content() == NAMES[user]
            assert "emil · mastodon" in str(await page.locator(".hero .about").text_content())
            await page.locator(".circle .node[aria-label='@finn.example, bluesky:finn']").first.wait_for()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
            assert await page.locator("main img[onerror], main script").count() == 0

    driver.play(story())


def test_names_may_be_anything_on_every_view(town: httpx.Client, driver: Driver) -> None:
    """Markup, emoji, right-to-left and 256 bytes: shown whole as text, nothing runs, and nothing is wider than the page."""
    home = str(town.base_url)
    shown = {at: name for user in HOSTILE for name, at in views(user).items()}  # those of nobody once

    async def story() -> None:
        async with driver.tab(home, wide=390, high=844) as (page, _):
            for at, name in shown.items():
                await page.goto(f"{home}{at}")
                await page.locator(WHOLE[name]).first.wait_for()
                assert await page.evaluate("document.documentElement.scrollWidth") <= 390, at
                assert await page.locator("main img[onerror], main script").count() == 0
            for user in HOSTILE:
                await page.goto(person(home, user))
                await until(page, f"document.title === {json.dumps(f'{user} · Clout')}")
                await until(page, f"document.querySelector('.digits')?.textContent === '{SCORES[user]:.1f}'")
                assert await page.locator("h1 bdi").text_content() == user.split(":", 1)[1]

    driver.play(story())
