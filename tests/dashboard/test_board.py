"""The leaderboard in a real browser: it moves, and shows whatever there is as text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import orjson

from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from tests.alerts import OLD, of_feed, told
from tests.api.conftest import Scene, now_ms
from tests.dashboard.browser import Driver, until
from tests.dashboard.town import ANN, MARKUP, NAMES, SCORES, WHY

ROWS = "[...document.querySelectorAll('.leaders tbody .who')].map((one) => one.title)"
BURSTS = """window.bursts = 0; new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach((node) => {
    if (node.classList?.contains('burst')) window.bursts++;
}))).observe(document.body, {childList: true, subtree: true})"""


def test_the_board_moves(scene: Scene, town: httpx.Client, driver: Driver) -> None:
    """It shows the board, and follows it without a reload: rows move, in the order of the scores, and markup is text."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            await until(page, f"{ROWS}.length === {len(SCORES)}")
            await page.evaluate(BURSTS)
            assert await page.evaluate(ROWS) == sorted(SCORES, key=lambda user: -SCORES[user])
            assert await page.locator(".leaders img:not(.face), .leaders script").count() == 0
            assert await page.locator("#state").text_content() == "live"
            await asyncio.to_thread(scene.write, {"bluesky:hana": 91.5}, counts=30)
            await until(page, f"{ROWS}[0] === 'bluesky:hana'")
            first = page.locator(".leaders tbody tr").first
            assert await first.locator(".score").text_content() == "91.5"
            assert await first.locator(".crown").count() == 1
            moved = await page.evaluate(
                "document.getAnimations().filter((one) => one.effect.target.tagName === 'TR').length"
            )
            assert moved > 0
            await asyncio.to_thread(scene.write, {ANN: 93.0}, counts=30)
            await until(page, f"{ROWS}[0] === {ANN!r}")
            assert await page.evaluate("window.bursts") == 1  # leaders that change by the second are not cheered each

    driver.play(story())


def test_people_have_names(scene: Scene, town: httpx.Client, driver: Driver) -> None:
    """Beside each the id, for a name may be another's; a name that changes is shown soon; all of it is text."""
    home = str(town.base_url)
    keys = Keys(scene.settings.redis_prefix, 0)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            await until(page, f"{ROWS}.length === {len(SCORES)}")
            for user, name in NAMES.items():
                network, _, ident = user.partition(":")
                row = page.locator(f".leaders .who[title='{user}']")
                assert await row.locator(".name").text_content() == name
                assert await row.locator(".network").text_content() == f"{ident} · {network}"
            ann = f".leaders .who[title='{ANN}']"
            assert await page.locator(f"{ann} .network").text_content() == "bluesky"
            with connect_sync(scene.settings) as redis:
                redis.hset(keys.names, ANN, "Ann & Co.")
            await until(page, f"""document.querySelector("{ann}").textContent === 'Ann & Co.ann · bluesky'""")
            assert await page.locator("main img[onerror], main script").count() == 0
            await page.locator("#search input").fill("emil")
            assert NAMES["mastodon:emil"] in str(await page.locator("#found li").first.text_content())

    driver.play(story())


def test_boards_of_networks_and_topics(scene: Scene, town: httpx.Client, driver: Driver) -> None:
    """Chips lead to them; the address says which, so it can be shared; their scores move, too."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            await page.get_by_role("link", name="mastodon", exact=True).click()
            await until(page, f"{ROWS}.length === 3")
            assert "network=mastodon" in page.url
            assert await page.evaluate(ROWS) == ["mastodon:bob", "mastodon:emil", "mastodon:gus"]
            await asyncio.to_thread(scene.write, {"mastodon:gus": 88.0}, counts=30)
            await until(page, f"{ROWS}[0] === 'mastodon:gus'")
            await page.goto(f"{home}#/board?topic=jazz")
            await until(page, f"{ROWS}[0] === {ANN!r} && {ROWS}.length === {len(SCORES)}")
            assert await page.locator("h1").text_content() == "#jazz"

    driver.play(story())


def test_alerts_and_deliveries_beside_it(scene: Scene, town: httpx.Client, driver: Driver) -> None:
    """The latest of both, old ones and feeds too, and channels in trouble. Whatever they say is text."""
    home, at = str(town.base_url), now_ms()
    evil = "<b>answered 500</b>" + "x" * 200
    standing = {"enabled": True, "at": at + 600_000, "open_until": None, "last": "", "off": ""}
    one = {
        "channel": "ops",
        "id": "r/x:ada/1/raised",
        "about": "x:<i>",
        "at": at,
        "state": "failed",
        "attempts": 2,
        "said": evil,
    }
    bad = standing | {"channel": "pager", "off": "answered 410: <u>gone</u>"}

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            await until(page, "document.querySelectorAll('#alerts li').length === 4")
            assert WHY in str(await page.locator("#alerts li").nth(1).text_content())
            assert await page.locator("#deliveries").is_hidden()
            news = (
                OLD,
                orjson.loads(told("x:cy", 9, score=12.0, change=-6.5, severity="critical")),
                orjson.loads(of_feed("<b>net")),
            )
            await asyncio.to_thread(scene.write, {}, counts=31, alerts=news)
            await asyncio.to_thread(scene.deliver, standing | {"channel": "ops"}, bad, told=(one,))
            await until(page, "document.querySelectorAll('#delivered li').length === 1")
            assert evil in str(await page.locator("#delivered li").text_content())
            assert await page.locator("#trouble li").text_content() == "pagerswitched off: answered 410: <u>gone</u>"
            texts = await page.locator("#alerts li").all_text_contents()
            assert "<b>net" in texts[0]
            assert "\u22126.5" in texts[1]
            assert "raisedold\u22127.5" in texts[2]
            loud = await page.evaluate(
                "[...document.querySelectorAll('#alerts li')].slice(0, 3).map((li) => li.dataset.severity)"
            )
            assert loud == ["warning", "critical", "warning"]
            assert await page.locator("aside b b, aside u, aside .who i").count() == 0

    driver.play(story())


def test_an_empty_board_says_so(scene: Scene, served: Callable[..., httpx.Client], driver: Driver) -> None:
    """Before the first event there is a picture and a sentence; with it there is a board."""
    client = served()
    home = str(client.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            await page.get_by_text("No scores yet").wait_for()
            await asyncio.to_thread(scene.write, {MARKUP: 12.0}, counts=3)
            await until(page, f"{ROWS}.length === 1")

    driver.play(story())
