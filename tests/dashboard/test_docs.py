"""The documentation of the API in a real browser."""

from __future__ import annotations

import httpx

from tests.dashboard.browser import Driver, until


def test_the_documentation_is_browsable_and_asks_for_nothing_elsewhere(town: httpx.Client, driver: Driver) -> None:
    """Every operation of openapi.json is there with its parameters, and one can be tried; it fits on a phone."""
    listed = town.get("/openapi.json").json()["paths"].items()
    paths = [path for path, methods in listed for _ in methods]

    async def story() -> None:
        async with driver.tab(str(town.base_url), wide=390, high=844) as (page, watched):
            watched.refused = True
            await page.goto(str(town.base_url.join("/docs")))
            await until(page, f"document.querySelectorAll('.operation').length === {len(paths)}")
            assert await page.locator("h2 code").all_text_contents() == paths
            await page.locator("input[name=id]").first.fill("x:<b>&/?")
            await page.locator(".operation form").first.evaluate("(form) => form.requestSubmit()")
            await until(page, "document.querySelector('.operation pre').textContent.startsWith('404')")
            assert "Unknown user" in str(await page.locator(".operation pre").first.text_content())
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390

    driver.play(story())
