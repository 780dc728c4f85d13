"""`/v2`, in the shapes of Klout's API, over a real Redis: by hand, and by a client of 2012."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import orjson
import pytest

from agents.api.klout import bucket
from streams.model.influential import Friend, Influence, TopicShare
from streams.partitioner import partition_of
from streams.scoreboard.changes import Changes
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush
from streams.scoreboard.names import numeric_id
from streams.scoreboard.writer import Writer
from tests.api.conftest import PARTITIONS, Scene, consistent, now_ms

CHANGES = {"dayChange": 0.5, "weekChange": -1.5, "monthChange": 0.0}
ACCOUNTS = ["twitter:annt", "x:ann/b"]
SCORES = {
    "twitter:Bob": 54.2,
    "x:bob": 33.0,
    "x:Cy": 95.0,
    "x:dee": 12.0,
    "y:dee": 13.0,
    "person:ann": 61.0,
    **dict.fromkeys(ACCOUNTS, 40.0),
    **{f"x:fan{i}": 20.0 + i for i in range(7)},
}
FANS = [f"x:fan{i}" for i in range(7)]


def ident(user: str) -> str:
    """The numeric id of a user."""
    return numeric_id(user, "clout")


def document(user: str) -> Influence:
    """Topics of a user, whom everybody called fan engages with, and somebody who has no score."""
    shares: dict[str, Any] = {"share": 0.5, "error": 0.0, "people": 4, "first": 0, "last": 0}
    friends = [Friend(user=one, share=0.1) for one in ("x:gone", *FANS)]
    topics = [TopicShare(topic=one, **shares) for one in ("big data", "jazz")]
    return Influence(
        user=user,
        as_of=now_ms(),
        got=5.0,
        gave=5.0,
        topics=topics,
        influencees=friends,
        influencers=friends[:3],
        moments=[],
    )


async def written(scene: Scene) -> None:
    """Everyone, a person with two accounts among them, and two documents."""
    client, at_ms = connect(scene.settings), now_ms()
    writer = Writer(client, scene.settings.redis_prefix, 1, PARTITIONS)
    more: dict[str, dict[str, Any]] = {one: {"person": "person:ann"} for one in ACCOUNTS}
    more |= {"person:ann": {"accounts": ACCOUNTS}, "twitter:Bob": {"delta": {"day": 0.5, "week": -1.5}}}
    for number in range(PARTITIONS):
        mine = [user for user in SCORES if partition_of(user, PARTITIONS) == number]
        rows: list[Any] = [
            (user, SCORES[user], orjson.dumps(consistent(user, SCORES[user], at_ms) | more.get(user, {})))
            for user in mine
        ]
        told = [(user, msgspec.json.encode(document(user))) for user in ("twitter:Bob", "x:ann/b") if user in mine]
        await writer.write(Flush(number, 1, {"event_ts": at_ms, "as_of": at_ms}, Changes.of(rows), influence=told))
    await client.aclose()


@pytest.fixture(scope="module")
def client(shared_scene: Scene, shared: Callable[..., httpx.Client]) -> httpx.Client:
    """Of the app, over these people."""
    asyncio.run(written(shared_scene))
    return shared()


def known(client: httpx.Client, path: str, **params: str) -> Any:
    """The answer."""
    answer = client.get(f"/v2/{path}", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def refused(answer: httpx.Response, status: int) -> None:
    """JSON, as Klout's clients expect it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json()["status"] == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("tw/Bob", "twitter:Bob"),
        ("twitter/Bob", "twitter:Bob"),
        ("x/Cy", "x:Cy"),
        ("person/ann", "person:ann"),
        ("tw/annt", "person:ann"),  # an account is the person's
        ("x/ann/b", "person:ann"),
        ("x/ann%2Fb", "person:ann"),
    ],
)
def test_identity(client: httpx.Client, path: str, user: str) -> None:
    """The numeric id of a user of a network, by Klout's names of networks and by ours."""
    assert known(client, f"identity.json/{path}", key="any") == {"id": ident(user), "network": "ks"}


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("Bob", "twitter:Bob"),  # before x:bob
        ("bob", "twitter:Bob"),
        ("@Bob", "twitter:Bob"),
        ("cy", "x:Cy"),  # the one network that has it
        ("annt", "person:ann"),
        ("ann/B", "person:ann"),
    ],
)
def test_a_screen_name(client: httpx.Client, name: str, user: str) -> None:
    """Network twitter first, in whatever case; else the one that has it."""
    assert known(client, "identity.json/twitter", screenName=name) == {"id": ident(user), "network": "ks"}


def test_back_to_the_network(client: httpx.Client) -> None:
    """The id on a network of a numeric id: one's own, or that of an account."""
    assert known(client, f"identity.json/klout/{ident('twitter:Bob')}/tw") == {"id": "Bob", "network": "tw"}
    assert known(client, f"identity.json/klout/{ident('person:ann')}/tw") == {"id": "annt", "network": "tw"}
    assert known(client, f"identity.json/klout/{ident('person:ann')}/x") == {"id": "ann/b", "network": "x"}


def test_a_user(client: httpx.Client) -> None:
    """Nick, score and bucket, and how it has changed; a change that nobody knows is 0."""
    body = known(client, f"user.json/{ident('twitter:Bob')}", key="k")
    score = body.pop("score")
    assert body == {"kloutId": ident("twitter:Bob"), "nick": "Bob", "scoreDeltas": pytest.approx(CHANGES, abs=0.01)}
    assert score == {"score": pytest.approx(54.2, abs=0.01), "bucket": "50-59"}


def test_a_score(client: httpx.Client) -> None:
    """As a double, with its bucket; the key is `scoreDelta` here."""
    body = known(client, f"user.json/{ident('x:Cy')}/score")
    none = dict.fromkeys(CHANGES, 0.0)
    assert body == {"score": pytest.approx(95.0, abs=0.01), "bucket": "90-100", "scoreDelta": none}


def test_influence(client: httpx.Client) -> None:
    """Up to five of each, of those who have a score; nobody where nothing is known."""
    body = known(client, f"user.json/{ident('twitter:Bob')}/influence")
    assert [one["entity"]["payload"]["nick"] for one in body["myInfluencees"]] == [f"fan{i}" for i in range(5)]
    assert [one["entity"]["id"] for one in body["myInfluencers"]] == [ident("x:fan0"), ident("x:fan1")]
    assert (body["myInfluencersCount"], body["myInfluenceesCount"]) == (2, 5)
    payload = body["myInfluencers"][0]["entity"]["payload"]
    assert payload == known(client, f"user.json/{ident('x:fan0')}") | {"score": payload["score"]}
    nobody = known(client, f"user.json/{ident('x:Cy')}/influence")
    assert nobody == {"myInfluencers": [], "myInfluencees": [], "myInfluencersCount": 0, "myInfluenceesCount": 0}


def test_topics(client: httpx.Client) -> None:
    """With ids that never change; a person has those of the accounts; nobody's are an empty list."""
    first, second = known(client, f"user.json/{ident('twitter:Bob')}/topics")
    assert first == {
        "id": ident("#big data"),
        "displayName": "Big data",
        "name": "big data",
        "slug": "big-data",
        "imageUrl": "",
        "topicType": "sub",
    }
    assert second["name"] == "jazz"
    assert [one["name"] for one in known(client, f"user.json/{ident('person:ann')}/topics")] == ["big data", "jazz"]
    assert known(client, f"user.json/{ident('x:Cy')}/topics") == []


@pytest.mark.parametrize(
    "path",
    [
        *(
            "user.json/7",
            "user.json/7/score",
            "user.json/7/influence",
            "user.json/7/topics",
            "user.json/x%00",
            "user.json/%FF",
        ),
        *("identity.json/tw/nobody", "identity.json/tw/", "identity.json/twitter", "identity.json/twitter?screenName="),
        *("identity.json/twitter?screenName=nobody", "identity.json/twitter?screenName=dee"),  # x and y have one
        *("identity.json/twitter?screenName=@", "identity.json/klout/7/tw", "identity.json/%0D%0A/a", "nothing", ""),
        f"identity.json/klout/{ident('x:Cy')}/tw",
        f"user.json/{ident('x:Cy')}/nothing",
    ],
)
def test_unknown(client: httpx.Client, path: str) -> None:
    """404 in JSON, whatever is asked."""
    refused(client.get(f"/v2/{path}"), 404)


def test_plain_and_old(client: httpx.Client) -> None:
    """HTTP/1.0 without a Host or an Accept gets the same."""
    url = client.base_url
    plain = http.client.HTTPConnection(url.host, url.port)
    plain._http_vsn, plain._http_vsn_str = 10, "HTTP/1.0"  # type: ignore[attr-defined]
    plain.putrequest("GET", f"/v2/user.json/{ident('x:Cy')}/score?key=", skip_host=True, skip_accept_encoding=True)
    plain.endheaders()
    answer = plain.getresponse()
    assert (answer.status, orjson.loads(answer.read())["bucket"]) == (200, "90-100")
    plain.close()


def test_buckets() -> None:
    """Decades; the last one has a hundred too."""
    scores = (1.0, 9.99, 10.0, 54.2, 89.99, 90.0, 100.0)
    assert [bucket(score) for score in scores] == ["0-9", "0-9", "10-19", "50-59", "80-89", "90-100", "90-100"]


def test_a_client_of_2012(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """`klout` 0.1.3, untouched: identity, score, influence and topics, and its error for somebody unknown."""
    klout = pytest.importorskip("klout", reason="the client klout is not installed: deploy/venv")
    monkeypatch.setenv("no_proxy", "*")
    asks = klout.Klout("any key", domain=f"{client.base_url.host}:{client.base_url.port}")
    for found in (asks.identity.klout(tw="Bob"), asks.identity.klout(screenName="Bob")):
        assert found == {"id": ident("twitter:Bob"), "network": "ks"}
    number = found["id"]
    assert asks.identity.tw(klout=number) == {"id": "Bob", "network": "tw"}
    assert asks.user(kloutId=number)["nick"] == "Bob"
    score = asks.user.score(kloutId=number)
    assert (score["score"], score["scoreDelta"]) == (pytest.approx(54.2, abs=0.01), pytest.approx(CHANGES, abs=0.01))
    influence = asks.user.influence(kloutId=number)
    assert (influence["myInfluencersCount"], influence["myInfluencees"][0]["entity"]["payload"]["nick"]) == (2, "fan0")
    assert [one["displayName"] for one in asks.user.topics(kloutId=number)] == ["Big data", "Jazz"]
    with pytest.raises(klout.KloutHTTPError):
        asks.user.score(kloutId="7")
