"""Every view in every look: whole, no wider than the page, and with nothing that axe finds serious. Pictures of it are for people.

They are in the folder that CLOUT_TEST_PICTURES names, else in a temporary one.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dashboard.browser import Driver
from tests.dashboard.views import WHOLE, views

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"wide": 390, "high": 844, "color_scheme": "light", "has_touch": True},
}
#: what axe looks at: all of it once, and colours wherever they are others
AXE = {
    "light": "",
    "dark": "{runOnly: ['color-contrast']}",
    "phone": "{runOnly: ['target-size', 'scrollable-region-focusable']}",
}
SERIOUS = ("serious", "critical")
SMALL = """[...document.querySelectorAll('button, .chip, #views a')]
    .filter((one) => one.offsetParent && one.offsetHeight < 24).map((one) => one.outerHTML)"""


@pytest.mark.parametrize("look", LOOKS)
def test_every_view(town: httpx.Client, driver: Driver, tmp_path: Path, look: str) -> None:
    """Contrast, names, roles and order for screen readers; what can be touched is large enough; no two pictures are the same."""
    pytest.importorskip("axe_playwright_python")
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
    folder = Path(os.environ.get("CLOUT_TEST_PICTURES", tmp_path))
    home = str(town.base_url)

    async def story() -> set[bytes]:
        seen = set()
        async with driver.tab(home, reduced_motion="reduce", **LOOKS[look]) as (page, _):
            await page.goto(home)
            await page.evaluate(axe)
            for name, at in views().items():
                await page.goto(f"{home}{at}")
                await page.locator(WHOLE[name]).first.wait_for()
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
                assert (name, await page.evaluate(SMALL)) == (name, [])
                found = (await page.evaluate(f"axe.run({AXE[look]})"))["violations"]
                bad = [
                    (one["id"], [node["html"][:150] for node in one["nodes"]])
                    for one in found
                    if one["impact"] in SERIOUS
                ]
                assert (name, bad) == (name, [])
                seen.add(await page.screenshot(path=folder / f"{name}-{look}.png", full_page=True))
        return seen

    assert len(driver.play(story())) == len(views())
