"""For people: by keyboard alone, light and dark, still for who wants it still, and to be shared."""

from __future__ import annotations

import asyncio

import httpx

from tests.api.conftest import Scene
from tests.dashboard.browser import Driver, until
from tests.dashboard.town import ANN, SCORES
from tests.dashboard.views import WHOLE


def test_by_keyboard_alone(town: httpx.Client, driver: Driver) -> None:
    """The first key leads past the frame; / searches, arrows choose, Enter goes there, Escape leaves; focus is seen."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            await page.locator(WHOLE["board"]).first.wait_for()
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.className") == "skip"
            await page.keyboard.press("Enter")
            assert await page.evaluate("document.activeElement.id") == "view"
            await page.keyboard.press("/")
            field = page.locator("#search input")
            assert await field.evaluate("(one) => one === document.activeElement")
            await page.keyboard.type("b")
            await page.locator("#found [role=option]").first.wait_for()
            await page.keyboard.press("ArrowDown")
            chosen = await field.get_attribute("aria-activedescendant")
            assert await page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
            await page.keyboard.press("Escape")
            assert await page.locator("#found").is_hidden()
            await page.keyboard.press("/")
            await page.keyboard.type("bluesky:an")
            await page.keyboard.press("Enter")
            await until(page, f"document.title === '{ANN} · Clout'")
            link = page.locator("#views a").first
            await link.focus()
            outline = await link.evaluate("(one) => getComputedStyle(one).outlineWidth")
            assert float(outline.removesuffix("px")) >= 2

    driver.play(story())


def test_nothing_moves_for_who_wants_it_still(scene: Scene, town: httpx.Client, driver: Driver) -> None:
    """With prefers-reduced-motion rows change places at once, and nothing is animated."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home, reduced_motion="reduce") as (page, _):
            await page.goto(home)
            await page.locator(WHOLE["board"]).first.wait_for()
            await asyncio.to_thread(scene.write, {"bluesky:hana": 91.5}, counts=30)
            await until(page, "document.querySelector('.leaders tbody .who').title === 'bluesky:hana'")
            assert await page.evaluate("document.getAnimations().length") == 0

    driver.play(story())


def test_light_and_dark(town: httpx.Client, driver: Driver) -> None:
    """The page is as the system says, until a click says otherwise; that is remembered."""
    home = str(town.base_url)
    ground = "getComputedStyle(document.body).backgroundColor"

    async def story() -> None:
        async with driver.tab(home, color_scheme="dark") as (page, _):
            await page.goto(home)
            dark = await page.evaluate(ground)
            await page.locator("#theme").click()
            light = await until(page, f"{ground} !== '{dark}' && {ground}")
            await page.reload()
            await until(page, f"{ground} === '{light}'")

    driver.play(story())


def test_what_is_shown_is_in_the_address(town: httpx.Client, driver: Driver) -> None:
    """Back and forward lead through what was seen, and a link shows it to somebody else."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(f"{home}#/compare?ids=bluesky%3Aann&ids=mastodon%3Abob&ids=bluesky%3Acleo")
            await until(page, "document.querySelectorAll('.compared .who').length === 3")
            await page.get_by_role("button", name="take mastodon:bob away").click()
            await until(page, "document.querySelectorAll('.compared .who').length === 2")
            assert "bob" not in page.url
            await page.go_back()
            await until(page, "document.querySelectorAll('.compared .who').length === 3")
            assert await page.locator(".compared .big").first.text_content() == f"{SCORES[ANN]:.1f}"

    driver.play(story())
