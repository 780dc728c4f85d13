"""What a newcomer sees: the page of `clout demo`, and the picture of it that README.md shows."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.dashboard.browser import Driver, until
from tests.demo.test_demo import ONLY_LINUX, demo
from tests.demo.test_demo import until as said

WIDE, HIGH = 1140, 660  # of the picture
ROWS = "document.querySelectorAll('.leaders tbody tr').length > 20"
ORDER = "[...document.querySelectorAll('.leaders tbody tr')].map((row) => row.querySelector('a').href).join()"
ALERT = "document.body.innerText.includes('nobody engages, and what there was fades')"
FALL = "document.body.innerText.includes('engagements were taken back')"


@ONLY_LINUX
def test_the_page_of_the_demo(driver: Driver, tmp_path: Path) -> None:
    """It opens on a full board that moves, and on an alert with its cause.

    `page.png` goes where CLOUT_TEST_PICTURES says, half a minute later: then the story has come to its second alert.
    """
    wanted = os.environ.get("CLOUT_TEST_PICTURES")
    picture = Path(wanted or tmp_path) / "page.png"
    folder = tmp_path / "demo"
    folder.mkdir()

    async def story(home: str) -> None:
        async with driver.tab(home, wide=WIDE, high=HIGH) as (page, _):
            await page.goto(home)
            await until(page, ROWS)
            await until(page, ALERT)
            before = await page.evaluate(ORDER)
            await until(page, f"{ORDER} !== {before!r}")
            if wanted:
                await until(page, FALL, within_s=90)
                await asyncio.sleep(1.5)  # it fades in
            await page.screenshot(path=picture)

    with demo(folder) as process:
        driver.play(story(said(process, "page: ").rpartition(" ")[2].strip()))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert picture.stat().st_size > 20_000
