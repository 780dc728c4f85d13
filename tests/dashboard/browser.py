"""A real Chromium for the tests of the dashboard, driven by Playwright in a thread of its own, and a watch on what a page does."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tests.servers import left_out

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Request

T = TypeVar("T")

WITHIN_S = 110.0  # a story has ended by then
REFUSED = "Failed to load resource"  # Chromium says so of every status from 400 on


def path_of_chromium() -> str:
    """Where Chromium is; skips the test where there is none."""
    # the first has no window, and needs half the time for the same page
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return found or left_out("no browser: chromium is missing (Debian: apt-get install chromium-headless-shell)")


@dataclass
class Watched:
    """What a page did that nobody should see."""

    said: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    refused: bool = False  #: the story wants answers that are errors

    def request(self, request: Request, home: str) -> None:
        """A request of the page: only to the server that it came from."""
        at = urlsplit(request.url)
        if at.scheme != "data" and at.netloc != urlsplit(home).netloc:
            self.elsewhere.append(request.url)

    def say(self, text: str) -> None:
        """A message in the console."""
        if not (self.refused and REFUSED in text):
            self.said.append(text)

    def check(self) -> None:
        """Nothing was said, and nobody else was asked."""
        assert self.said == []
        assert self.elsewhere == []


class Driver:
    """Chromium, and the event loop in which it is driven; the main thread has loops of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, browser: Browser) -> None:
        self._loop, self.browser = loop, browser

    def play(self, story: Coroutine[Any, Any, T], within_s: float = WITHIN_S) -> T:
        """What a story comes to."""
        return asyncio.run_coroutine_threadsafe(story, self._loop).result(within_s)

    @asynccontextmanager
    async def tab(
        self, home: str, *, wide: int = 1280, high: int = 860, **options: Any
    ) -> AsyncIterator[tuple[Page, Watched]]:
        """A page of a fresh profile. When it is closed it must have said nothing, and have asked nobody else."""
        context = await self.browser.new_context(viewport={"width": wide, "height": high}, **options)
        watched = Watched()
        page = await context.new_page()
        page.set_default_timeout(45_000)
        page.on("console", lambda message: watched.say(message.text))
        page.on("pageerror", lambda error: watched.say(str(error)))
        page.on("request", lambda request: watched.request(request, home))
        try:
            yield page, watched
        finally:
            await context.close()
        watched.check()


async def until(page: Page, script: str, within_s: float = 45.0) -> Any:
    """The value of an expression once it is true; fails when it never is.

    Playwright's own wait needs eval, which our pages forbid.
    """
    deadline_s = time.monotonic() + within_s
    while not (value := await page.evaluate(script)):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"never true: {script}; page: {await page.inner_text('body')}")
        await asyncio.sleep(0.02)
    return value


@contextmanager
def driven() -> Iterator[Driver]:
    """Chromium while the block lasts."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        left_out("no browser tests: playwright is missing (pip install -e .[dev])")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="browser", daemon=True)
    thread.start()

    async def begin() -> tuple[Any, Browser]:
        playwright = await async_playwright().start()
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        return playwright, await playwright.chromium.launch(executable_path=path_of_chromium(), args=options)

    async def end(playwright: Any, browser: Browser) -> None:
        await browser.close()
        await playwright.stop()

    playwright, browser = asyncio.run_coroutine_threadsafe(begin(), loop).result(WITHIN_S)
    try:
        yield Driver(loop, browser)
    finally:
        asyncio.run_coroutine_threadsafe(end(playwright, browser), loop).result(WITHIN_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WITHIN_S)
        loop.close()
