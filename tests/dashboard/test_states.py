"""What the dashboard shows when not all is well: each state has a face and says what to do, and none is lost for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import pytest

from agents.api.serve import serving
from tests.api import on_kafka
from tests.api.conftest import SCORES as SOME
from tests.api.conftest import Scene, now_ms
from tests.api.on_kafka import Topics, on
from tests.dashboard import town as towns
from tests.dashboard.browser import Driver, until

ROWS = "[...document.querySelectorAll('.leaders tbody .who')].map((one) => one.title)"


def test_push_goes_on_after_the_api_restarts(scene: Scene, driver: Driver) -> None:
    """While it is away the page says so and keeps what it had; when it is back the board is live, without a reload."""
    scene.write(SOME, counts=10)
    with ExitStack() as first:
        port = first.enter_context(serving(scene.settings))
        home = f"http://127.0.0.1:{port}/"

        async def story() -> None:
            async with driver.tab(home) as (page, watched):
                watched.refused = True
                await page.goto(home)
                await until(page, f"{ROWS}.length === {len(SOME)}")
                await asyncio.to_thread(first.close)
                await page.locator("#state[data-state=away]").wait_for()
                await page.get_by_text("The server does not answer").wait_for()
                assert await page.evaluate(f"{ROWS}.length") == len(SOME)
                with serving(scene.settings, port=port):
                    await asyncio.to_thread(scene.write, {"x:cy": 93.0}, counts=20)
                    await page.locator("#state[data-state=open]").wait_for(timeout=30_000)
                    await until(page, f"{ROWS}[0] === 'x:cy'")
                    assert await page.locator(".warning").count() == 0

        driver.play(story())


def test_stale_data_say_so(scene: Scene, served: Callable[..., httpx.Client], driver: Driver) -> None:
    """No worker writes: the board says it and is dimmed, a person's page says since when."""
    scene.write(SOME, at_ms=now_ms() - 3_600_000)
    home = str(served().base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            await page.get_by_text("No worker is writing scores").wait_for()
            assert await page.locator("#state").get_attribute("data-state") == "stale"
            assert await page.locator(".place.old").count() == 1
            await page.goto(f"{home}#/person/x%3Aada")
            await page.get_by_text("Nobody keeps this score just now").wait_for()
            assert "1 hr. ago" in str(await page.locator(".warning").text_content())

    driver.play(story())


def test_who_is_unknown_is_asked_back(town: httpx.Client, driver: Driver) -> None:
    """Somebody whom nobody knows has a page that says so and names like theirs lead on."""
    home = str(town.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, watched):
            watched.refused = True
            await page.goto(f"{home}#/person/mastodon%3Aann")
            await page.get_by_text("Nobody here").wait_for()
            await page.locator(".near a").first.click()
            await page.locator(".digits").wait_for()

    driver.play(story())


def test_an_error_can_be_tried_again(scene: Scene, driver: Driver, served: Callable[..., httpx.Client]) -> None:
    """Redis that does not answer is said in words; the button asks once more."""
    client = served(redis="redis://127.0.0.1:1/0")
    home = str(client.base_url)

    async def story() -> None:
        async with driver.tab(home) as (page, watched):
            watched.refused = True
            await page.goto(f"{home}#/spread")
            panel = page.locator(".panel[data-state=lost]")
            await panel.wait_for(timeout=30_000)
            assert "Redis does not answer" in str(await panel.text_content())
            async with page.expect_response("**/v1/distribution"):
                await panel.get_by_role("button", name="Try again").click()
            await page.locator("#state[data-state=down]").wait_for(timeout=30_000)

    driver.play(story())


@pytest.fixture
def topics(scene: Scene, kafka: str, prefix: str) -> Topics:
    """Topics of its own, and the town in Redis."""
    made = on(kafka, prefix, scene.settings)
    made.create()
    towns.build(scene)
    return made


def test_a_token_opens_what_is_closed_and_writes_rules(
    topics: Topics, served: Callable[..., httpx.Client], driver: Driver
) -> None:
    """Where reads need a token, the page asks for it. With it a rule is tried on the closes there are, and put in force."""
    client = served(kafka=topics.settings.kafka, topic_prefix=topics.settings.topic_prefix, api_open="false")
    home, token = str(client.base_url), topics.token("me", "write")["Authorization"].removeprefix("Bearer ")
    answered = asked(client, token)

    async def story() -> None:
        async with driver.tab(home) as (page, watched):
            watched.refused = True
            await page.goto(home)
            await page.get_by_text("This needs a token", exact=True).wait_for()
            assert await page.locator("#state").text_content() == "no access"
            await page.get_by_role("button", name="Enter a token").click()
            await page.locator("input#token").fill("clout_wrong")
            await page.keyboard.press("Enter")
            await page.get_by_role("button", name="Use another token").click()
            await page.locator("input#token").fill(token)
            await page.keyboard.press("Enter")
            await until(page, f"{ROWS}.length === {len(towns.SCORES)}")
            assert await page.evaluate("[sessionStorage.length, localStorage.getItem('clout-token')]") == [1, None]
            await page.goto(f"{home}#/rules?rule=new")
            await page.locator(".editor input[name=name]").fill("big-fall")
            await page.locator("input[name=amount]").fill("2")
            await page.get_by_role("button", name="Test against history").click()
            await page.locator(".outcome tbody tr").first.wait_for()
            told = str(await page.locator(".outcome").text_content())
            assert f"of {len(towns.SCORES)} users" in told
            async with page.expect_response("**/v1/rules/big-fall") as put:
                await page.get_by_role("button", name="Put in force").click()
            assert (await put.value).status == 202
            await page.get_by_text("big-fall is sent").wait_for()

    assert answered == len(towns.SCORES)
    driver.play(story())


def asked(client: httpx.Client, token: str) -> int:
    """How many are on the board, once the API has read which tokens there are."""
    headers = {"authorization": f"Bearer {token}"}
    good = on_kafka.until(
        lambda: client.get("/v1/leaderboard?limit=99", headers=headers), lambda answer: answer.status_code == 200
    )
    return len(good.json()["items"])


def test_a_token_of_too_small_a_scope_is_told(
    topics: Topics, served: Callable[..., httpx.Client], driver: Driver
) -> None:
    """Who may read and wants to write is told which scope is missing."""
    client = served(kafka=topics.settings.kafka, topic_prefix=topics.settings.topic_prefix)
    home, token = str(client.base_url), topics.token("reader", "read")["Authorization"].removeprefix("Bearer ")
    may = {"authorization": f"Bearer {token}"}
    on_kafka.until(lambda: client.delete("/v1/rules/x", headers=may), lambda answer: answer.status_code == 403)

    async def story() -> None:
        async with driver.tab(home) as (page, watched):
            watched.refused = True
            await page.goto(home)
            await page.evaluate(f"sessionStorage.setItem('clout-token', '{token}')")
            await page.goto(f"{home}#/rules?rule=day-fall")
            await page.get_by_role("button", name="Put in force").click()
            panel = page.locator(".outcome .panel[data-state=locked]")
            await panel.wait_for()
            assert "scope write" in str(await panel.text_content())

    driver.play(story())
