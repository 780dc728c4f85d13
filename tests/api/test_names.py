"""What users are called, in every answer that has users: beside the id, and only where it is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from agents.client import Clout
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.scoreboard.names import numeric_id
from tests.api.conftest import Scene
from tests.api.filled import fill
from tests.api.listening import listening

NAMES = {"x:ada": "Ada <b>Lovelace</b>", "x:cy": "@cy.example"}
USERS = ["x:ada", "x:bo/b:y", "x:cy"]
IDS = {user: numeric_id(user, "clout") for user in USERS}


@pytest.fixture(scope="module")
def client(shared_scene: Scene, shared: Callable[..., httpx.Client]) -> httpx.Client:
    """Two have a name."""
    fill(shared_scene)
    call(shared_scene, NAMES)
    return shared()


def call(scene: Scene, names: dict[str, str]) -> None:
    with connect_sync(scene.settings) as redis:
        redis.hset(Keys(scene.settings.redis_prefix, 0).names, mapping=names)


def named(items: list[dict[str, Any]]) -> dict[str, str | None]:
    """Of those of whom something is asked."""
    return {item["user"]: item.get("name") for item in items if item["user"] in USERS}


WHERE: dict[str, Callable[[Any], list[dict[str, Any]]]] = {
    "/v1/users/x:ada": lambda found: [found],
    "/v1/users/x:bo%2Fb:y": lambda found: [found],
    "/v1/users?ids=x:ada,x:cy,x:bo/b:y": lambda found: found["items"],
    "/v1/compare?ids=x:ada,x:cy": lambda found: found["items"],
    "/v1/leaderboard": lambda found: found["items"],
    "/v1/leaderboard?network=x": lambda found: found["items"],
    "/v1/leaderboard?topic=jazz": lambda found: found["items"],
    "/v1/search?q=c": lambda found: found["items"],
    "/v1/users/x:ada/influence": lambda found: found["influencees"] + found["influencers"],
    "/v1/users/x:ada/explain": lambda found: found["influence"]["influencees"] + found["influence"]["influencers"],
    "/v1/leaderboard?fields=user,name": lambda found: found["items"],
}


@pytest.mark.parametrize("path", WHERE)
def test_where_there_are_users(client: httpx.Client, path: str) -> None:
    """They have their names; who has none has no such field."""
    found = named(WHERE[path](client.get(path).json()))
    assert found
    assert found == {user: NAMES.get(user) for user in found}


def test_the_board_that_is_pushed(client: httpx.Client) -> None:
    """The same."""
    with listening(client, events="board") as stream:
        assert named(stream.until("board")["top"]) == {user: NAMES.get(user) for user in USERS}


def test_klouts_nick(client: httpx.Client) -> None:
    """The name, a handle without its @, else the id on the network; of those around them, too."""
    nicks = {user: client.get(f"/v2/user.json/{IDS[user]}").json()["nick"] for user in USERS}
    assert nicks == {"x:ada": NAMES["x:ada"], "x:bo/b:y": "bo/b:y", "x:cy": "cy.example"}
    found = client.get(f"/v2/user.json/{IDS['x:ada']}/influence").json()
    assert found["myInfluencees"][0]["entity"]["payload"]["nick"] == "cy.example"


def test_a_new_name_is_another_answer(scene: Scene, own_page: httpx.Client) -> None:
    """So says the ETag, of the record and of the card, which has name and id as text."""
    for path in ("/v1/users/x:ada", "/v1/users/x:ada/card"):
        tag = own_page.get(path).headers["etag"]
        call(scene, {"x:ada": f"{NAMES['x:ada']} of {len(path)}"})
        assert own_page.get(path, headers={"if-none-match": tag}).status_code == 200
    card = own_page.get("/v1/users/x:ada/card").text
    assert "Ada &lt;b&gt;Lovelace" in card
    assert "ada · x" in card


def test_the_client_has_it(client: httpx.Client) -> None:
    """As its types say."""
    with Clout(str(client.base_url)) as clout:
        assert clout.user("x:ada").name == NAMES["x:ada"]
        assert not clout.user("x:bo/b:y").name
