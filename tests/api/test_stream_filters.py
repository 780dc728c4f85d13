"""What listeners of `/v1/stream` hear: snapshots, and of scores and alerts what they asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import httpx
import orjson
import pytest

from agents.api.stream import topics
from agents.api.stream.filters import MOST_PENDING, Filter, Pending, frames
from agents.api.stream.looks import Alert, Change, Look, decoded
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from tests.api.conftest import SCORES, Scene
from tests.api.listening import listening

Serve = Callable[..., httpx.Client]
SEVERAL = {"x:ada": 70.0, "x:cy": 13.0, "y:eve": 20.0}


def on_topic(scene: Scene, topic: str, *users: str, off: bool = False) -> None:
    """They are on its board, or are not any more."""

    async def write() -> None:
        client, key = connect(scene.settings), Keys(scene.settings.redis_prefix, 0).topic(topic)
        if off:
            await client.zrem(key, *users)
        else:
            await client.zadd(key, {user: 100.0 - place for place, user in enumerate(users)})
        await client.aclose()

    asyncio.run(write())


def alert(user: str) -> dict[str, Any]:
    """One about somebody, as far as push looks into it."""
    return {"id": f"r/{user}/1/raised", "user": user, "sentence": "fell\u2028\n"}


FEED = {"id": "feed/y/1/raised", "type": "feed", "network": "y"}


def test_a_snapshot_comes_first(page: httpx.Client) -> None:
    """Of the 100 highest, of those of a network, or of the users asked for, known ones only; with the cursor behind it."""
    with listening(page) as stream:
        items = stream.until("snapshot")["items"]
        assert [one["user"] for one in items] == sorted(SCORES, key=lambda user: -SCORES[user])
        assert [one["score"] for one in items] == pytest.approx(sorted(SCORES.values(), reverse=True), abs=0.01)
        assert stream.frames[0].cursor.count(",") == 1
    with listening(page, network="y") as stream:
        assert stream.until("snapshot")["items"] == []
    with listening(page, users="x:cy,x:nobody,x:ada") as stream:
        snapshot = stream.until("snapshot")
        assert {one["user"]: one["score"] for one in snapshot["items"]} == pytest.approx(
            {"x:ada": 71.5, "x:cy": 12.0}, abs=0.01
        )


def begun(page: httpx.Client) -> bool:
    """Has push read from Redis? Until then there is no id to give."""
    with listening(page, events="alerts") as stream:
        next(iter(stream))
        return bool(stream.cursor)


def test_alerts_alone_have_no_snapshot(scene: Scene, own_page: httpx.Client) -> None:
    """The first event is the alert, as it was written. Whoever is cut off before it has an id to go on from."""
    while not begun(own_page):
        pass
    with listening(own_page, events="alerts") as stream:
        next(iter(stream))
        first = stream.cursor
        scene.write({"x:ada": 70.0}, alerts=(alert("x:ada"),))
        assert stream.until("alert") == alert("x:ada")
        assert [frame.event for frame in stream.frames] == ["alert"]
    with listening(own_page, events="alerts", users="x:cy,x:bo") as stream:
        next(iter(stream))
        scene.write({}, alerts=(alert("x:ada"), alert("x:cy")))  # nobody's score moves
        assert stream.until("alert") == alert("x:cy")
    with listening(own_page, first, events="alerts") as stream:
        assert stream.until("alert") == alert("x:ada")
    with listening(own_page) as stream:
        next(iter(stream))
        assert stream.cursor == ""  # without a snapshot there is nothing to go on from


@pytest.mark.parametrize(
    ("asked", "users", "alerts"),
    [
        ({}, {"x:ada", "x:cy", "y:eve"}, ["x:ada", "y:eve", None]),
        ({"network": "y"}, {"y:eve"}, ["y:eve", None]),
        ({"users": "x:ada,x:bo/b:y"}, {"x:ada"}, ["x:ada"]),
        ({"users": ["y:eve", "x:cy"], "network": "y"}, {"y:eve"}, ["y:eve"]),
        ({"topic": "#Jazz"}, {"x:cy", "y:eve"}, ["y:eve"]),
        ({"topic": "jazz", "network": "x"}, {"x:cy"}, []),
        ({"topic": "jazz", "users": "x:ada,x:cy"}, {"x:cy"}, []),
        ({"events": "scores", "min_change": 1.2}, {"x:ada", "y:eve"}, []),
    ],
)
def test_all_that_is_given_has_to_match(
    scene: Scene, own_page: httpx.Client, asked: dict[str, Any], users: set[str], alerts: list[str | None]
) -> None:
    """Users, network, topic and least change, together; the last write is for everybody and ends the test."""
    on_topic(scene, "jazz", "x:cy", "y:eve", "x:end", "y:end")
    scene.write({"x:end": 1.0, "y:end": 1.0})
    more = {"users": [*asked["users"], "y:end"]} if isinstance(asked.get("users"), list) else {}
    if isinstance(asked.get("users"), str):
        more = {"users": asked["users"] + ",x:end"}
    with listening(own_page, **asked | more) as stream:
        stream.until("snapshot")
        scene.write(SEVERAL, alerts=(alert("x:ada"), alert("y:eve"), FEED))
        scene.write({"x:end": 99.0, "y:end": 99.0})
        stream.until("scores", lambda data: any(one["score"] == 99.0 for one in data["users"]))
        told = {(user, score, before) for user, score, before in stream.changes if not user.endswith(":end")}
        assert told == {(user, SEVERAL[user], SCORES.get(user)) for user in users}
        assert [frame.data.get("user") for frame in stream.frames if frame.event == "alert"] == alerts


def test_topics_are_read_again(scene: Scene, served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes onto the board of a topic is heard of some seconds later, who has left is not."""
    monkeypatch.setattr(topics, "AGAIN_S", 0.05)
    scene.write(SCORES)
    on_topic(scene, "jazz", "x:cy", "x:bo/b:y")  # the second is there all the while: each write is heard of
    with listening(served(), topic="jazz") as stream:
        assert {one["user"] for one in stream.until("snapshot")["items"]} == {"x:bo/b:y", "x:cy"}
        on_topic(scene, "jazz", "x:ada")
        on_topic(scene, "jazz", "x:cy", off=True)
        numbers = count(1)

        def heard() -> set[str]:
            """Of whom it is told when all three change; behind them comes the mark up to which is read."""
            before, more = len(stream.changes), next(numbers) / 100
            scene.write({"x:cy": 50.0 + more, "x:ada": 30.0 + more, "x:bo/b:y": 40.0 + more})
            scene.write({"x:bo/b:y": 60.0 + more})
            stream.until("scores", lambda data: any(one["score"] == 60.0 + more for one in data["users"]))
            return {user for user, *_ in stream.changes[before:]}

        while heard() != {"x:ada", "x:bo/b:y"}:
            pass


def test_least_change_is_from_what_was_told() -> None:
    """Small steps add up, one of exactly so much counts; `before` is what this listener knows. Somebody new is told at once."""
    scores, pending, told = [71.5, 71.9, 72.4, 72.5, 72.0, 71.6, 71.5, 71.4], Pending(1.0), []
    for before, score in pairwise(scores):
        look = Look("1-0,0-0", 1, {"x:ada": Change(before, score)}, [])
        if found := frames(Filter(min_change=1.0), look, (), pending):
            told += orjson.loads(found.split(b"data: ")[1])["users"]
    assert told == [
        {"user": "x:ada", "score": 72.5, "before": 71.5},
        {"user": "x:ada", "score": 71.5, "before": 72.5},
    ]
    assert pending.due("x:new", Change(None, 2.0)) == Change(None, 2.0)


def test_what_is_pending_is_bounded() -> None:
    """Of the first it is forgotten; the next change counts from the score before it then."""
    pending = Pending(1.0)
    for number in range(MOST_PENDING + 1):
        assert pending.due(f"x:{number}", Change(50.0, 50.6)) is None
    assert pending.due("x:0", Change(50.6, 51.2)) is None
    assert pending.due(f"x:{MOST_PENDING}", Change(50.6, 51.2)) == Change(50.0, 51.2)


def test_a_frame_is_one_line_of_data() -> None:
    """Whatever line breaks stand between its values, which only a stranger would write; and what some clients take for one."""
    payload = b'{"user":"x:a",\r\n"sentence":\n"\xe2\x80\xa8"}'
    look = Look("1-0,2-0", 1, {}, [Alert("x:a", "x", payload, "0-0,2-0")])
    told = frames(Filter(), look, (), None)
    assert len(told.decode().splitlines()) == told.count(b"\n") == 4
    assert orjson.loads(told.split(b"data: ")[1]) == {"user": "x:a", "sentence": "\u2028"}


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b"\xff", b'{"as_of":1}', b'{"as_of":1,"users":[1]}', b'{"as_of":1,"users":[["a"]]}']
)
def test_what_is_no_batch_is_about_nobody(payload: bytes) -> None:
    """And nothing else is lost by it."""
    assert decoded(payload).changes == {}


def test_older_workers_say_nothing_of_before() -> None:
    """While some are of an older version."""
    assert decoded(b'{"as_of":1,"users":[["x:a",2.5]]}').changes == {"x:a": Change(None, 2.5)}


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"events": "scores,news"}, "query.events"),
        ({"events": ""}, "query.events"),
        ({"users": "x:a,nobody"}, "query.users"),
        ({"users": ","}, "query.users"),
        ({"users": ",".join(f"x:{n}" for n in range(101))}, "query.users"),
        ({"topic": "a\r\nb"}, "query.topic"),
        ({"network": "n" * 65}, "query.network"),
        ({"min_change": "nan"}, "query.min_change"),
        ({"min_change": -1}, "query.min_change"),
        ({"n": 101}, "query.n"),
        ({"last_event_id": "1-0"}, "query.last_event_id"),
        ({"last_event_id": "1-0,1-0,1-0"}, "query.last_event_id"),
        ({"last_event_id": "1-0,1-0\r\nx"}, "query.last_event_id"),
        ({"last_event_id": "1-0,\u0663-0"}, "query.last_event_id"),
        ({"last_event_id": "1" * 20 + "-0,1-0"}, "query.last_event_id"),
        ({"last_event_id": "1-0," * 2_500}, "query.last_event_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_parameter_is_named(page: httpx.Client, asked: dict[str, Any], at: str) -> None:
    """A problem of status 422, before anything is sent."""
    answer = page.get("/v1/stream", params=asked)
    assert answer.status_code == 422
    assert [one["at"] for one in answer.json()["errors"]] == [at]
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("cursor", ["1-0", "no", "1-0,1-0;", "1-0," * 2_500, "0-0,0-0,0-0"], ids=lambda one: one[:20])
def test_a_wrong_header_is_named(page: httpx.Client, cursor: str) -> None:
    """The header wins over the parameter, also when it is wrong."""
    answer = page.get("/v1/stream", params={"last_event_id": "0-0,0-0"}, headers={"Last-Event-ID": cursor})
    assert answer.status_code == 422
    assert [one["at"] for one in answer.json()["errors"]] == ["header.last-event-id"]
