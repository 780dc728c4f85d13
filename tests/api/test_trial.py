"""A rule on trial over the closes that Redis has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from streams.model.dates import date, day
from streams.scoreboard import closes
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from tests.api.conftest import SCORES, Scene
from tests.api.test_api import problem

FIRST = day("2026-01-01")


@pytest.fixture
def client(scene: Scene, own_page: httpx.Client) -> httpx.Client:
    """A client of the app where everybody has closes: x:cy has fallen by twelve points and recovered, the others stay."""
    with connect_sync(scene.settings) as redis:
        for user in SCORES:
            steps = [5_000, 3_800, 4_900] if user == "x:cy" else [5_000, 5_000, 5_000]
            redis.hset(Keys(scene.settings.redis_prefix, 0).history, user, closes.text(FIRST, steps, {}))
    return own_page


def tried(client: httpx.Client, **rule: Any) -> dict[str, Any]:
    """The answer to a rule on trial."""
    answer = client.post("/v1/trial", json=rule)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_a_rule_would_have_told(client: httpx.Client) -> None:
    """Each alert with the scores that it is about, the newest first, and over how many users and which days that was."""
    found = tried(client, when={"falls": 10})
    over, raised = found["items"]
    assert (raised["user"], raised["state"], raised["date"], raised["compared"]) == (
        "x:cy",
        "raised",
        date(FIRST + 1),
        date(FIRST),
    )
    assert (raised["score"], raised["before"], raised["change"]) == (38.0, 50.0, -12.0)
    assert (over["state"], over["score"]) == ("recovered", 49.0)
    assert found["counts"] == {"raised": 1, "recovered": 1, "settled": 0}
    assert (found["alerted"], found["judged"], found["of"]) == (1, len(SCORES), len(SCORES))
    assert (found["from"], found["until"]) == (date(FIRST), date(FIRST + 2))
    assert found["not_judged"] == ["what happens between two daily closes"]


def test_of_whom_it_is(client: httpx.Client) -> None:
    """Users that it names, a network, a topic that nobody is on; what closes do not tell is said."""
    assert tried(client, who={"users": ["x:ada", "x:nobody"]}, when={"falls": 10})["judged"] == 1
    assert tried(client, who={"network": "x"}, when={"below": 40})["counts"]["raised"] == 1
    found = tried(client, who={"topic": "jazz", "min_confidence": 0.5}, when={"falls": 10}, require=["reversed"])
    assert (found["judged"], found["from"], len(found["not_judged"])) == (0, None, 4)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"when": {"falls": 300}}, "$.when.falls"),
        ({"when": {"falls": 3, "fals": 3}}, "$.when.fals"),
        ({"when": {"falls": 3, "within": "1h"}}, "$.when"),
        ({"when": {"top": 10}}, "$.when"),
        ([], "$"),
    ],
)
def test_what_cannot_be_tried_is_said(client: httpx.Client, body: Any, at: str) -> None:
    """A problem that says where, and what to try instead."""
    found = problem(client.post("/v1/trial", content=orjson.dumps(body)), 422)
    assert found["errors"][0]["at"].startswith(at)


def test_who_may_not_read_may_not_try(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """It tells scores, so it is a read."""
    answer = served(api_open="false").post("/v1/trial", json={"when": {"falls": 3}})
    assert answer.status_code in (401, 503)
