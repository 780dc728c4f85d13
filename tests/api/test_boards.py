"""Which boards there are."""

from __future__ import annotations

import httpx

from streams.scoreboard.layout import place_of
from tests.api.conftest import SCORES, Scene, now_ms
from tests.api.test_api import problem


def test_which_boards_there_are(scene: Scene, own_page: httpx.Client) -> None:
    """Networks with how many are on each, topics with the most engagement first; of topics so many as are asked for."""
    places: dict[str, list[float | str]] = {
        topic: [place_of(weight, now_ms(), 62.4 * 86_400_000), "x:ada"]
        for topic, weight in (("rock", 2.0), ("jazz", 9.0))
    }
    scene.tell("x:ada", topics=places)
    scene.write({"y:dan": 50.0})
    body = own_page.get("/v1/boards").json()
    assert body["networks"] == [{"network": "x", "users": len(SCORES)}, {"network": "y", "users": 1}]
    assert body["topics"] == ["jazz", "rock"]
    assert own_page.get("/v1/boards?topics=1").json()["topics"] == ["jazz"]
    assert own_page.get("/v1/boards?topics=0").json()["topics"] == []
    problem(own_page.get("/v1/boards?topics=-1"), 422)
