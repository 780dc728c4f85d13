"""The card on another page: whatever the name, it is text, and another page may show it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import Scene
from tests.dashboard import town as towns
from tests.dashboard.browser import Driver
from tests.dashboard.town import ANN, HOSTILE, SCORES


def at(user: str) -> str:
    """Where the card of a user is."""
    return f"/v1/users/{quote(user, safe='')}/card"


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """Another site on this machine, with the files of a folder: its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_anybody_may_frame_it(town: httpx.Client) -> None:
    """It allows every page to show it, and itself nothing but its style; caches keep it for a minute."""
    answer = town.get(at(ANN))
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
    )
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert "<script" not in answer.text
    again = town.get(at(ANN), headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert town.get(at("x:nobody")).status_code == 404


@pytest.mark.parametrize("prefix", ["", "/clout"])
def test_it_is_shown_on_another_page(
    scene: Scene, served: Callable[..., httpx.Client], driver: Driver, tmp_path: Path, prefix: str
) -> None:
    """In frames of a page from elsewhere, behind a prefix too: the score, in its own style, and names as text."""
    towns.build(scene)
    home = str(served(api_prefix=prefix).base_url).rstrip("/") + prefix
    frames = "".join(f'<iframe src="{home}{at(user)}" width="340" height="150"></iframe>' for user in (ANN, *HOSTILE))

    (tmp_path / "index.html").write_text(f'<link rel="icon" href="data:,">{frames}')

    async def story() -> None:
        async with driver.tab(home) as (page, watched):
            await page.goto(other)
            watched.elsewhere.clear()  # the other page itself
            for number, user in enumerate((ANN, *HOSTILE)):
                card = page.frame_locator("iframe").nth(number)
                await card.locator(".name").wait_for()
                assert await card.locator(".name").text_content() == user.split(":", 1)[1]
                assert await card.locator("text").text_content() == f"{SCORES[user]:.0f}"
                assert await card.locator("main").evaluate("(one) => getComputedStyle(one).display") == "flex"
                assert await card.locator("body").evaluate("(one) => one.scrollWidth <= 340")

    with elsewhere(tmp_path) as other:
        driver.play(story())
