"""Users by their ids, whatever these hold; what stands under one; ETags."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import msgspec
import orjson
import pytest
from click.testing import CliRunner

from agents.cli.main import cli
from streams.model.dates import day
from streams.model.influential import Friend, Influence, Moment, TopicShare
from streams.partitioner import partition_of
from streams.scoreboard import closes
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys, place_of
from tests.api.conftest import PARTITIONS, SCORES, Scene, now_ms, scene_on, serves
from tests.api.test_api import problem

PARTS = ("history", "explain", "influence", "topics", "moments", "alerts", "badge.svg")
HOSTILE = (
    "x:<script>alert(1)</script>",
    "x:\"'><img src=x onerror=alert(1)>",
    "x:'); redis.call('FLUSHALL') --",
    "x:{0}:users",
    "x:../../../etc/passwd",
    "x:..",
    "x:.",
    "x:a/../b",
    "x:a//b/",
    "x:a/history",
    "x:a/badge.svg",
    "x:%2F%00",
    "x:a?b#c&d=e;f",
    "x:+ \\",
    "x:a,b",
    "x:\U0001f408\u200d\U0001f525",
    "x:\u202eevil",
    "x:\uffff",
    "x:" + "a" * 256,
    "x:" + "\U0001f408" * 64,
    "n" * 64 + ":a",
)
BADGES = (*HOSTILE, "x:]]>&amp;&")


def under(user: str, part: str = "") -> str:
    """The address of a user, or of what stands under it."""
    return f"/v1/users/{quote(user, safe='')}" + (f"/{part}" if part else "")


@pytest.fixture(scope="module")
def crowd(redis_url: str) -> Iterator[httpx.Client]:
    """A client of the app over everybody with an id that is hard to handle."""
    scene = scene_on(redis_url, "crowd-")
    scene.write({**dict.fromkeys(BADGES, 50.0), "x:other": 40.0})
    with serves(scene) as serve:
        yield serve()


@pytest.mark.parametrize("user", HOSTILE)
def test_ids_may_hold_anything(crowd: httpx.Client, page: httpx.Client, user: str) -> None:
    """An id is text and nothing else: found by its own name, everywhere, and not found when nobody has it."""
    for part in ("", *PARTS):
        body = problem(page.get(under(user, part)), 404)
        assert (body["user"], body["near"]) == (user, [])
    for part in ("", *PARTS):
        answer = crowd.get(under(user, part))
        assert answer.status_code == 200, part
        if part != "badge.svg":
            assert answer.json()["user"] == user
    assert [one["user"] for one in crowd.get("/v1/users", params={"ids": [user, ""]}).json()["items"]] == [user]
    compared = crowd.get("/v1/compare", params={"ids": [user, "x:other"]}).json()
    assert [one["user"] for one in compared["items"]] == [user, "x:other"]
    board = crowd.get("/v1/leaderboard?limit=100").json()["items"]
    assert [one["user"] for one in board].count(user) == 1


@pytest.mark.parametrize("path", ["x:bo/b:y", quote("x:bo/b:y", safe=""), "x%3Abo/b:y", "x:b%6F/b:y"])
def test_slashes_of_an_id_may_be_as_they_are(page: httpx.Client, path: str) -> None:
    """Where the last segment is not that of a part, slashes need no escape."""
    for part in ("", "/history", "/topics"):
        assert page.get(f"/v1/users/{path}{part}").json()["user"] == "x:bo/b:y"


@pytest.mark.parametrize("path", ["nobody", "history", "", ":", "x:", ":x", "%00", "x:%0D%0AX-Evil:%201", "%FF", "x:%F0%9F",
                                  "x:" + "a" * 257, "n" * 65 + ":a", "x:" + "%F0%9F%90%88" * 65, "person:"])  # fmt: skip
def test_a_malformed_id_is_said_by_its_field(page: httpx.Client, path: str) -> None:
    """Of what no user can be named, in every place; nothing of it gets into a header."""
    for part in ("", *PARTS):
        answer = page.get(f"/v1/users/{path}" + (f"/{part}" if part else ""))
        body = problem(answer, 422)
        assert [error["at"] for error in body["errors"]] == ["path.id"]  # type: ignore[attr-defined]
        assert "x-evil" not in answer.headers


@pytest.mark.parametrize("path", ["x:ad", "x:bo", "x:ada/", "x:ada/nothing", "x:%F0%9F%90%88", "x:ada%2Fhistory"])
def test_an_unknown_user_is_a_404(page: httpx.Client, path: str) -> None:
    """Whatever the name looks like."""
    problem(page.get(f"/v1/users/{path}"), 404)


def test_an_unknown_user_may_be_on_another_network(page: httpx.Client) -> None:
    """Whoever has the same id elsewhere is named."""
    body = problem(page.get("/v1/users/y:ada"), 404)
    assert body["near"] == ["x:ada"]
    assert "x:ada" in str(body["detail"])


def test_some_users_at_once(page: httpx.Client) -> None:
    """In the order asked for, each once, as one alone; unknown ones apart."""
    body = page.get("/v1/users?ids=x:cy,x:nobody,x:ada,x:cy,").json()
    assert ([one["user"] for one in body["items"]], body["unknown"]) == (["x:cy", "x:ada"], ["x:nobody"])
    alone = page.get("/v1/users/x:ada").json()
    assert {name: body["items"][1][name] for name in ("rank", "of", "percentile")} == {
        name: alone[name] for name in ("rank", "of", "percentile")
    }
    assert abs(body["as_of"] - now_ms()) < 60_000


@pytest.mark.parametrize(("path", "least", "most"), [("users", 1, 100), ("compare", 2, 5)])
def test_too_few_and_too_many_ids(page: httpx.Client, path: str, least: int, most: int) -> None:
    """The field is named, and how many there may be."""
    for count in (0, least - 1, most + 1):
        ids = ",".join(f"x:{n}" for n in range(count))
        assert f"{least} to {most}" in str(problem(page.get(f"/v1/{path}", params={"ids": ids}), 422)["detail"])
    for ids in ("x:a,nobody", "x:a,%00", "x:a,x:" + "a" * 257):
        assert "query.ids" in str(problem(page.get(f"/v1/{path}?ids={ids}"), 422)["detail"])
    assert "query.ids" in str(problem(page.get(f"/v1/{path}"), 422)["detail"])


def test_freshness(own_page: httpx.Client) -> None:
    """What the user's partition last said: its version, and how long ago; not fresh when nobody keeps its scores."""
    body = own_page.get("/v1/users/x:ada").json()["freshness"]
    assert (body["partition"], body["version"], body["fresh"]) == (partition_of("x:ada", PARTITIONS), 1, True)
    assert 0 <= body["age_ms"] < 60_000


def test_a_silent_partition_is_not_fresh(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """The score is told all the same, decayed to now."""
    scene.write(SCORES, at_ms=now_ms() - 3_600_000)
    body = served().get("/v1/users/x:ada").json()
    assert (body["freshness"]["fresh"], body["freshness"]["age_ms"] >= 3_600_000) == (False, True)
    assert abs(body["as_of"] - now_ms()) < 60_000


@pytest.fixture(scope="module")
def known_ada(redis_url: str) -> Scene:
    """A scoreboard where x:ada has all there is of a user; for tests that read alone."""
    scene = scene_on(redis_url, f"ada-{now_ms()}-")
    scene.write(SCORES, counts=10)
    seen: dict[str, Any] = {"share": 0.5, "error": 0.0, "people": 3, "first": now_ms() - 86_400_000, "last": now_ms()}
    known = Influence(
        user="x:ada",
        as_of=now_ms(),
        got=9.0,
        gave=2.0,
        topics=[TopicShare(topic="jazz", **seen), TopicShare(topic="rock", **seen)],
        influencees=[Friend(user="x:cy", share=0.5)],
        influencers=[Friend(user="x:bo/b:y", share=0.25)],
        moments=[Moment(object="post 1", kinds={"like": 3}, **seen)],
    )
    place: list[float | str] = [place_of(3.0, now_ms(), 62.4 * 86_400_000), "x:ada"]
    scene.tell("x:ada", influence=[("x:ada", msgspec.json.encode(known))], topics={"jazz": place})
    alerts = [orjson.dumps({"type": "alert", "id": f"a{n}", "user": "x:ada", "at": now_ms() + n}) for n in range(25)]
    scene.tell("x:ada", alerts=alerts)
    with connect_sync(scene.settings) as redis:
        text = closes.text(day("2025-12-29"), [6150, 1225, 7000], {})
        redis.hset(Keys(scene.settings.redis_prefix, 0).history, "x:ada", text)
    return scene


@pytest.fixture(scope="module")
def ada(known_ada: Scene) -> Iterator[httpx.Client]:
    """A client of the app over it."""
    with serves(known_ada) as serve:
        yield serve()


def test_history(ada: httpx.Client) -> None:
    """Daily closes, the oldest first: JSON, or CSV by Accept or by format, which wins."""
    path = under("x:ada", "history")
    body = ada.get(path).json()
    assert [(one["date"], one["score"]) for one in body["items"]][:3] == [
        ("2025-12-29", 61.5),
        ("2025-12-30", 12.25),
        ("2025-12-31", 70.0),
    ]
    assert {"as_of", "freshness"} <= body.keys()
    for answer in (ada.get(path, params={"format": "csv"}), ada.get(path, headers={"accept": "text/csv"})):
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert abs(int(answer.headers["clout-as-of"]) - now_ms()) < 60_000
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert rows == [["date", "score"], *([one["date"], str(one["score"])] for one in body["items"])]
    forced = ada.get(path, params={"format": "json"}, headers={"accept": "text/csv"})
    assert forced.json()["items"] == body["items"]
    problem(ada.get(path, params={"format": "xml"}), 422)


def test_explain_is_what_the_command_says(known_ada: Scene, ada: httpx.Client) -> None:
    """The same document, and how fresh it is."""
    body = ada.get(under("x:ada", "explain")).json()
    assert body.pop("freshness")["partition"] == partition_of("x:ada", PARTITIONS)
    env = {
        "CLOUT_REDIS": known_ada.settings.redis,
        "CLOUT_REDIS_PREFIX": known_ada.settings.redis_prefix,
        "CLOUT_PARTITIONS": "4",
    }
    words = ["score", "x:ada", "--explain", "--json", "--as-of", str(body["as_of"])]
    assert body == orjson.loads(CliRunner().invoke(cli, words, env=env).stdout)


def test_influence_topics_and_moments(ada: httpx.Client) -> None:
    """Each has its own address; topics have the place on their board."""
    influence = ada.get(under("x:ada", "influence")).json()
    assert [one["user"] for one in influence["influencees"] + influence["influencers"]] == ["x:cy", "x:bo/b:y"]
    topics = ada.get(under("x:ada", "topics")).json()
    assert [(one["topic"], one["rank"]) for one in topics["items"]] == [("jazz", 1), ("rock", None)]
    moments = ada.get(under("x:ada", "moments")).json()
    assert [one["object"] for one in moments["items"]] == ["post 1"]
    for body in (influence, topics, moments):
        assert {"as_of", "freshness"} <= body.keys()
    for part in ("topics", "moments"):
        assert ada.get(under("x:cy", part)).json()["items"] == []
    assert ada.get(under("x:cy", "influence")).json()["influencees"] == []


def test_alerts_of_a_user(ada: httpx.Client) -> None:
    """The latest 20, the newest first."""
    found = ada.get(under("x:ada", "alerts")).json()["items"]
    assert [one["id"] for one in found] == [f"a{n}" for n in range(24, 4, -1)]
    assert ada.get(under("x:cy", "alerts")).json()["items"] == []


def test_compare(ada: httpx.Client) -> None:
    """Beside each other, with closes and topics; unknown ones are named."""
    body = ada.get("/v1/compare?ids=x:cy,x:ada").json()
    cy, own = body["items"]
    assert (own["behind"], cy["behind"]) == (0.0, pytest.approx(SCORES["x:ada"] - SCORES["x:cy"], abs=0.1))
    assert (own["topics"], cy["topics"], body["topics_in_common"]) == (["jazz", "rock"], [], [])
    assert own["history"][0] == {"date": "2025-12-29", "score": 61.5}
    assert problem(ada.get("/v1/compare?ids=x:ada,x:nobody"), 404)["unknown"] == ["x:nobody"]


@pytest.mark.parametrize("user", BADGES)
def test_the_badge_is_one_harmless_picture(crowd: httpx.Client, user: str) -> None:
    """Whoever it is about: well-formed, no scripts, nothing loaded; kept for a minute; light or dark."""
    answer = crowd.get(under(user, "badge.svg"))
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "public, max-age=60"
    root = ElementTree.fromstring(answer.text)  # noqa: S314 - our own picture
    assert {one.tag.rpartition("}")[2] for one in root.iter()} == {"svg", "title", "rect", "path", "text"}
    names = {name for one in root.iter() for name in one.attrib}
    assert not any(name.startswith("on") or "href" in name for name in names)
    assert user.replace("\uffff", "\ufffd") in str(next(one.text for one in root if one.tag.endswith("title")))
    assert [one.text for one in root if one.tag.endswith("text")] == ["clout", "50"]
    dark = crowd.get(under(user, "badge.svg"), params={"theme": "dark"}).text
    assert dark != crowd.get(under(user, "badge.svg"), params={"theme": "light"}).text
    problem(crowd.get(under(user, "badge.svg"), params={"theme": "<x>"}), 422)


@pytest.mark.parametrize("part", ["", *PARTS])
def test_what_has_not_changed_is_a_304(ada: httpx.Client, part: str) -> None:
    """The ETag holds as time goes by, and is another one for another user."""
    path = under("x:ada", part)
    first = ada.get(path)
    tag = first.headers["etag"]
    for given in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = ada.get(path, headers={"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), given
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert ada.get(path, headers={"if-none-match": 'W/"other"'}).status_code == 200
    assert ada.get(under("x:cy", part)).headers["etag"] != tag


def test_what_has_changed_is_another_answer(scene: Scene, own_page: httpx.Client) -> None:
    """A new score gives new ETags to all that shows it."""
    paths = [under("x:ada", part) for part in ("", "explain", "badge.svg")]
    tags = [own_page.get(path).headers["etag"] for path in paths]
    scene.write({"x:ada": 20.0})
    for path, tag in zip(paths, tags, strict=True):
        changed = own_page.get(path, headers={"if-none-match": tag})
        assert (changed.status_code, changed.headers["etag"] != tag) == (200, True), path
