"""`/v1/search`, over a real Redis."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from streams.scoreboard.names import numeric_id
from tests.api.conftest import Scene
from tests.api.test_api import problem

PEOPLE = {"x:Anna": 50.0, "y:annabel": 70.0, "y:ann": 20.0, "person:ann": 30.0, "z:bob": 90.0}


@pytest.fixture(scope="module")
def client(shared_scene: Scene, shared: Callable[..., httpx.Client]) -> httpx.Client:
    """Of the app, over a few people."""
    shared_scene.write(PEOPLE)
    return shared()


def found(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200
    return [item["user"] for item in answer.json()["items"]]


def test_who_is_called_so_comes_first(client: httpx.Client) -> None:
    """Then the highest scores; each with id and score, whatever the case of the question."""
    answer = client.get("/v1/search", params={"q": "ANN"})
    assert found(answer) == ["person:ann", "y:ann", "y:annabel", "x:Anna"]
    first = answer.json()["items"][0]
    assert (first["id"], first["score"]) == (numeric_id("person:ann", "clout"), pytest.approx(30.0, abs=0.1))
    assert found(client.get("/v1/search", params={"q": " y:a "})) == ["y:annabel", "y:ann"]
    assert found(client.get("/v1/search", params={"q": "nobody"})) == []


def test_a_limit(client: httpx.Client) -> None:
    """At most so many, fifty at most."""
    assert found(client.get("/v1/search", params={"q": "ann", "limit": 2})) == ["person:ann", "y:ann"]
    assert found(client.get("/v1/search", params={"q": "ann", "limit": 50})) == found(
        client.get("/v1/search", params={"q": "ann"})
    )


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("", "query.q"),
        ("q=", "query.q"),
        ("q=%20%20", "query.q"),
        (f"q={'a' * 257}", "query.q"),
        ("q=a&limit=0", "query.limit"),
        ("q=a&limit=51", "query.limit"),
        ("q=a&limit=x", "query.limit"),
    ],
)
def test_wrong_questions(client: httpx.Client, query: str, at: str) -> None:
    """An empty or too long one, and a limit out of bounds, are problems that name the parameter."""
    assert at in str(problem(client.get(f"/v1/search?{query}"), 422)["detail"])


@pytest.mark.parametrize(
    "q", ["%00x", "%FF", "*", "[a", "(a", "-", "%0D%0ADEL", "{0}", "<b>", "a" * 256, "%F0%9F%90%88"]
)
def test_hostile_questions_find_nobody(client: httpx.Client, q: str) -> None:
    """What means something to Redis, Lua or HTML is text."""
    assert found(client.get(f"/v1/search?q={q}")) == []


def test_an_id_is_keyed_with_the_application(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """The API of another application does not know it."""
    scene.write({"x:a": 50.0})
    ident = served().get("/v1/search", params={"q": "a"}).json()["items"][0]["id"]
    assert served().get(f"/v2/user.json/{ident}").status_code == 200
    assert served(app="other").get("/v1/search", params={"q": "a"}).json()["items"][0]["id"] != ident
