"""The leaderboard: order, pages, networks, topics, cursors; how scores are spread."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable

import httpx
import orjson
import pytest

from streams.scoreboard.layout import place_of
from tests.api.conftest import SCORES, Scene, now_ms
from tests.api.test_api import problem

LIFE_MS = 62.4 * 86_400_000


def test_it_is_ranked(page: httpx.Client) -> None:
    """The highest first, with rank, population and moment."""
    body = page.get("/v1/leaderboard", params={"limit": 2}).json()
    assert body["population"] == 4
    assert [(entry["rank"], entry["user"]) for entry in body["items"]] == [
        (rank, user) for rank, user in enumerate(sorted(SCORES, key=lambda user: -SCORES[user])[:2], 1)
    ]
    assert abs(body["as_of"] - now_ms()) < 60_000


def test_pages_follow_each_other(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """Each user comes once, ranks count on, also through users of equal score; the last page has no `next`."""
    scores = {f"x:{n}": 50.0 if n % 3 else 40.0 + n / 100 for n in range(30)}
    scene.write(scores)
    client, cursor, found = served(), None, []
    for _ in range(8):
        body = client.get("/v1/leaderboard", params={"limit": 4} | ({"cursor": cursor} if cursor else {})).json()
        found += body["items"]
        cursor = body["next"]
    assert cursor is None
    assert [one["rank"] for one in found] == list(range(1, 31))
    assert {one["user"] for one in found} == scores.keys()
    shown = [round(one["score"], 3) for one in found]
    assert shown == sorted(shown, reverse=True)


def test_of_a_network(scene: Scene, own_page: httpx.Client) -> None:
    """The board of one network alone, with its population; one that has none is a 404 which names those there are."""
    scene.write({"y:1": 50.0, "y:2": 51.0, "person:ann": 90.0}, counts=10)
    body = own_page.get("/v1/leaderboard", params={"network": "y"}).json()
    assert (body["population"], [entry["user"] for entry in body["items"]]) == (2, ["y:2", "y:1"])
    assert own_page.get("/v1/leaderboard").json()["population"] == 7
    for unknown in ("z", "person", ""):
        assert "x, y" in str(problem(own_page.get("/v1/leaderboard", params={"network": unknown}), 404)["detail"])


def test_of_a_topic(scene: Scene, own_page: httpx.Client) -> None:
    """Records with what is left of their engagement for it; somebody without a record has no score; pages as elsewhere."""
    weights = {"x:cy": 9.0, "x:gone": 4.0, "x:ada": 2.0}
    places = [value for user, weight in weights.items() for value in (place_of(weight, now_ms(), LIFE_MS), user)]
    scene.tell("x:cy", topics={"jazz": places})
    body = own_page.get("/v1/leaderboard", params={"topic": "#Jazz", "limit": 2}).json()
    assert [(one["rank"], one["user"], one["score"] is None) for one in body["items"]] == [
        (1, "x:cy", False),
        (2, "x:gone", True),
    ]
    assert [one["weight"] for one in body["items"]] == pytest.approx([9.0, 4.0], rel=1e-3)
    rest = own_page.get("/v1/leaderboard", params={"topic": "jazz", "limit": 2, "cursor": body["next"]}).json()
    assert ([(one["rank"], one["user"]) for one in rest["items"]], rest["next"]) == ([(3, "x:ada")], None)
    assert problem(own_page.get("/v1/leaderboard", params={"topic": "jaz"}), 404)["near"] == ["jazz"]
    for wrong in ("", "#", "\x00", "a" * 200):
        assert "query.topic" in str(problem(own_page.get("/v1/leaderboard", params={"topic": wrong}), 422)["detail"])
    problem(own_page.get("/v1/leaderboard", params={"topic": "jazz", "network": "x"}), 422)


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e3", "9" * 40])
def test_bounds(page: httpx.Client, limit: str) -> None:
    """A limit out of bounds is a problem that names the parameter."""
    for path in ("/v1/leaderboard", "/v1/alerts"):
        assert "query.limit" in str(problem(page.get(path, params={"limit": limit}), 422)["detail"])


def packed(*parts: object) -> str:
    return urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "0-0",
        "a" * 1_000,
        "a" * 1_001,
        packed("l1"),
        packed("l2", None, None, 2, 50.0, "x:a"),
        packed("l1", None, None, 0, 50.0, "x:a"),
        packed("l1", None, None, "2", 50.0, "x:a"),
        packed("l1", None, None, 2, "(1", "x:a"),
        packed("l1", "x", None, 2, 50.0, "x:a"),
        packed("l1", None, "jazz", 2, 50.0, "x:a"),
        packed("l1", None, None, 2, 50.0, "x:a", "more"),
        urlsafe_b64encode(b'["l1",null,null,2,1e999,"x:a"]').decode(),
        urlsafe_b64encode(b"[" * 600).decode(),
    ],
)
def test_a_cursor_from_elsewhere(page: httpx.Client, cursor: str) -> None:
    """Of another board, of another version, or none at all: a 422 that names the field."""
    assert "query.cursor" in str(problem(page.get("/v1/leaderboard", params={"cursor": cursor}), 422)["detail"])


def test_a_cursor_of_somebody_who_left(page: httpx.Client) -> None:
    """It says where, so nobody need be there any more."""
    body = page.get("/v1/leaderboard", params={"cursor": packed("l1", None, None, 7, 50.0, "x:gone")}).json()
    assert [(one["rank"], one["user"]) for one in body["items"]] == [(8, "x:bo/b:y"), (9, "x:cy")]


def test_distribution(page: httpx.Client) -> None:
    """Everybody in a bin a tenth of a point wide."""
    body = page.get("/v1/distribution").json()
    assert [(one["score"], one["users"]) for one in body["bins"]] == [(12.0, 1), (44.2, 1), (60.0, 1), (71.5, 1)]
    assert (body["population"], body["width"]) == (4, 0.1)
    assert body["mean"] == pytest.approx(sum(SCORES.values()) / 4, abs=0.1)
    assert abs(body["as_of"] - now_ms()) < 60_000
