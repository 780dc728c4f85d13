"""Writes over a real Kafka: what is sent is what a worker takes, and nothing else is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from agents.api import keys as tokens
from agents.api import outlet
from streams.broker.admin import Admin
from streams.events import MAX_AHEAD_MS
from streams.model.channels import Acknowledged, Channel, Silence
from streams.model.gaps import Gap, Gaps
from streams.model.rules import Rule, When
from streams.model.tokens import Token
from streams.partitioner import partition_of
from streams.people.controls import HideTopic, Link, Unlink, parse
from streams.policies import changes
from streams.policies.book import Book
from streams.policies.records import BEGINS, encode
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.scoreboard.user_alerts import merged
from streams.settings import Settings
from tests.api.conftest import Scene, now_ms
from tests.api.on_kafka import PARTITIONS, Topics, on, until
from tests.api.test_api import problem

Serve = Callable[..., httpx.Client]
CONTROLS: list[tuple[dict[str, Any], type]] = [
    ({"type": "link", "user": "x:ada", "person": "ann"}, Link),
    ({"type": "unlink", "user": "x:ada"}, Unlink),
    ({"type": "hide-topic", "user": "x:ada", "topic": "Jazz"}, HideTopic),
]
ALERT = {"user": "x:ada", "rule": "day-fall", "state": "raised", "episode": 1_783_123_200_000, "at": 1_783_123_200_000}


@pytest.fixture
def topics(scene: Scene, kafka: str, prefix: str) -> Topics:
    """Topics of its own."""
    made = on(kafka, prefix, scene.settings)
    made.create()
    return made


def writing(topics: Topics, served: Serve) -> httpx.Client:
    """A client that may write everything."""
    header = topics.token("me", "admin")
    own = topics.settings
    made = served(kafka=own.kafka, topic_prefix=own.topic_prefix)
    made.headers.update(header)
    until(lambda: made.delete("/v1/rules/nothing"), lambda answer: answer.status_code == 404)
    return made


@pytest.fixture
def client(topics: Topics, served: Serve) -> httpx.Client:
    """A client that may write everything."""
    return writing(topics, served)


@pytest.fixture(scope="module")
def untouched(shared_scene: Scene, kafka: str) -> Topics:
    """Topics for what is refused: but for a token nothing is ever sent to them."""
    made = on(kafka, f"untouched-{now_ms()}-", shared_scene.settings)
    made.create()
    return made


@pytest.fixture(scope="module")
def refused(untouched: Topics, shared: Serve) -> httpx.Client:
    """A client that may write everything, of whom nothing is taken."""
    return writing(untouched, shared)


def sent(answer: httpx.Response) -> dict[str, Any]:
    """The body of a write that was taken."""
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def wrong(answer: httpx.Response, at: str) -> str:
    """The message for what is wrong there."""
    errors = problem(answer, 422)["errors"]
    assert isinstance(errors, list)
    assert [one["at"] for one in errors] == [at]
    return str(errors[0]["message"])


def write_alert(scene: Scene, alert: dict[str, Any]) -> None:
    """As a worker does for its user."""
    with connect_sync(scene.settings) as redis:
        key = Keys(scene.settings.redis_prefix, 0).user_alerts
        there = redis.hget(key, alert["user"])
        redis.hset(key, alert["user"], merged(there, [orjson.dumps(alert)]))


# -- controls ------------------------------------------------------------------------------------------------------------


def test_controls(client: httpx.Client, topics: Topics) -> None:
    """They arrive where the answer says, in the partition of their user, said now; `ts` stays where it is said."""
    for number, (body, expected) in enumerate(CONTROLS):
        before = now_ms()
        where = sent(client.post("/v1/controls", json=body))
        assert where["topic"] == topics.settings.topic("controls")
        assert where["partition"] == partition_of("x:ada", PARTITIONS)
        record = topics.records("controls")[number]
        assert (record.partition, record.offset, record.key) == (where["partition"], where["offset"], b"x:ada")
        control = parse(record.value, now_ms() + MAX_AHEAD_MS)
        assert isinstance(control, expected)
        assert before <= orjson.loads(record.value)["ts"] <= now_ms()
    facts = {"followers": {"value": 1200, "date": 1_783_000_000_000}, "lists": None}
    sent(client.post("/v1/controls", json={"type": "facts", "user": "x:ada", "ts": 1_783_123_200_000, "facts": facts}))
    record = topics.records("controls")[-1]
    assert orjson.loads(record.value) == {"type": "facts", "user": "x:ada", "ts": 1_783_123_200_000, "facts": facts}


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b"", "$.type"),
        (b"{", "$"),
        (b"[]", "$"),
        (b"\xff", "$"),
        (b"[" * 60_000, "$"),
        (b'{"type":"link","user":"x:a","person":1}', "$.person"),
        (b'{"type":"link","user":"ada","person":"ann"}', "$.user"),
        (b'{"type":"oust","user":"x:a"}', "$.type"),
        (b'{"type":"facts","user":"x:a","facts":{"lists":{"value":-1}}}', "$.facts.lists.value"),
        (b'{"type":"unlink","user":"x:a","ts":99999999999999}', "$.ts"),
    ],
)
def test_wrong_controls(refused: httpx.Client, untouched: Topics, body: bytes, at: str) -> None:
    """The answer says where; nothing is sent."""
    wrong(refused.post("/v1/controls", content=body), at)
    assert untouched.records("controls") == []


def test_a_body_without_a_length_has_a_bound_too(refused: httpx.Client, untouched: Topics) -> None:
    """413 as soon as it is too long, though nobody has said how long it is."""
    problem(refused.post("/v1/controls", content=(b" " * 1_000 for _ in range(66))), 413)
    assert untouched.records("controls") == []


# -- rules ---------------------------------------------------------------------------------------------------------------


def test_rules(client: httpx.Client, topics: Topics) -> None:
    """Put, replaced, removed; a built-in one is switched off."""
    sent(client.put("/v1/rules/low", json={"when": {"below": 40}}))
    sent(client.put("/v1/rules/low", json={"type": "rule", "name": "low", "when": {"below": 30}, "urgent": True}))
    rules = {one.name: one for one in topics.book().rules}
    assert rules["low"] == Rule(name="low", when=When(below=30), urgent=True)
    sent(client.delete("/v1/rules/low"))
    problem(client.delete("/v1/rules/low"), 404)
    sent(client.delete("/v1/rules/day-fall"))
    rules = {one.name: one for one in topics.book().rules}
    assert "low" not in rules
    assert not rules["day-fall"].enabled


@pytest.mark.parametrize(
    ("name", "body", "at", "words"),
    [
        ("Low", {"when": {"falls": 5}}, "$.name", "a to z"),
        ("low", {"name": "high", "when": {"falls": 5}}, "$.name", "here it is 'low'"),
        ("low", {"type": "gap", "when": {"falls": 5}}, "$.type", "here it is 'rule'"),
        ("low", {"when": {}}, "$.when", "one of falls"),
        ("low", {}, "$.when", "missing"),
        ("low", {"when": {"falls": "5"}}, "$.when.falls", "Expected"),
        ("low", {"when": {"falls": 5}, "severty": "info"}, "$.severty", "severity?"),
        ("low", {"when": {"falls": 5, "witin": "7d"}}, "$.when.witin", "when.within?"),
        ("low", {"when": {"falls": 5}, "margin": 10**30}, "$.margin", "15 digits"),
    ],
)
def test_wrong_rules(
    refused: httpx.Client, untouched: Topics, name: str, body: dict[str, Any], at: str, words: str
) -> None:
    """As the command says it; fields that no rule has, too."""
    assert words in wrong(refused.put(f"/v1/rules/{name}", content=json.dumps(body)), at)
    assert {one.name for one in untouched.book().rules} == {"day-fall", "week-fall"}


def test_one_rule_too_many(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """409; in place of another it is taken."""
    monkeypatch.setitem(changes.MOST, BEGINS, 3)
    sent(client.put("/v1/rules/a", json={"when": {"falls": 5}}))
    sent(client.put("/v1/rules/a", json={"when": {"falls": 6}}))
    problem(client.put("/v1/rules/b", json={"when": {"falls": 5}}), 409)


# -- silences and what is acknowledged -----------------------------------------------------------------------------------


def test_silences(client: httpx.Client, topics: Topics) -> None:
    """Put and ended; those that ended a month ago go with the next."""
    topics.send(*encode(Silence(name="old", networks=("y",), until=now_ms() - 31 * 86_400_000)))
    topics.send(*encode(Silence(name="new", networks=("y",), until=now_ms() - 1)))
    end = now_ms() + 60_000
    sent(client.put("/v1/silences/census", json={"networks": ["x"], "until": end, "why": "it moves"}))
    assert set(topics.book().silences) >= {Silence(name="census", networks=("x",), until=end, why="it moves")}
    sent(client.put("/v1/silences/census", json={"networks": ["x"], "until": end}))
    assert {one.name for one in topics.book().silences} == {"new", "census"}
    sent(client.delete("/v1/silences/census"))
    problem(client.delete("/v1/silences/census"), 404)
    wrong(client.put("/v1/silences/a", json={"networks": ["x"], "until": now_ms() - 1}), "$.until")
    wrong(client.put("/v1/silences/a", json={"until": end}), "$")
    wrong(client.put("/v1/silences/a", json={"network": ["x"], "users": ["x:a"], "until": end}), "$.network")
    assert {one.name for one in topics.book().silences} == {"new"}


def test_acknowledged(scene: Scene, client: httpx.Client, topics: Topics) -> None:
    """The newest alert by that rule about that user, as Redis has it; not one that is over."""
    body = {"rule": "day-fall", "user": "x:ada", "by": "bob"}
    problem(client.post("/v1/acknowledged", json=body), 404)
    write_alert(scene, ALERT)
    sent(client.post("/v1/acknowledged", json=body))
    (one,) = topics.book().acknowledged
    assert one == Acknowledged(rule="day-fall", user="x:ada", episode=ALERT["episode"], at=one.at, by="bob")
    problem(client.post("/v1/acknowledged", json={**body, "episode": 5}), 409)
    sent(client.post("/v1/acknowledged", json={**body, "episode": ALERT["episode"]}))
    problem(client.post("/v1/acknowledged", json={**body, "rule": "week-fall"}), 404)
    write_alert(scene, {**ALERT, "state": "recovered", "at": ALERT["at"] + 1})
    problem(client.post("/v1/acknowledged", json=body), 409)
    wrong(client.post("/v1/acknowledged", json={"rule": "day-fall"}), "$")
    wrong(client.post("/v1/acknowledged", json={**body, "user": "ada"}), "$.user")
    wrong(client.post("/v1/acknowledged", json={**body, "who": "bob"}), "$")


# -- gaps ----------------------------------------------------------------------------------------------------------------


def test_gaps(client: httpx.Client, topics: Topics) -> None:
    """Now, until it is ended; one that was; and not two at once by mistake."""
    before = now_ms()
    sent(client.put("/v1/gaps/mastodon"))
    ((gap,),) = (one.gaps for one in topics.book().gaps)
    assert before <= gap.since <= now_ms()
    assert (gap.until, gap.by) == (None, "declared")
    assert problem(client.put("/v1/gaps/mastodon", json={}), 409)["since"] == gap.since
    sent(client.delete("/v1/gaps/mastodon"))
    problem(client.delete("/v1/gaps/mastodon"), 404)
    sent(client.put("/v1/gaps/mastodon", json={"since": before - 9_000, "until": before - 5_000}))
    (one,) = topics.book().gaps
    assert [(gap.since, gap.until is None) for gap in one.gaps] == [(gap.since, False), (before - 9_000, False)]
    wrong(client.put("/v1/gaps/a:b"), "$.network")
    wrong(client.put("/v1/gaps/y", json={"since": 5}), "$")
    wrong(client.put("/v1/gaps/y", json={"from": 5}), "$")


def test_what_cannot_be_read_is_not_lost(client: httpx.Client, topics: Topics) -> None:
    """Gaps of a newer format stay, and are told."""
    topics.send(b"gap/y", b'{"type":"gap","format":9}')
    until(lambda: client.delete("/v1/gaps/y"), lambda answer: answer.status_code == 409)  # 404 before it is read
    problem(client.put("/v1/gaps/y"), 409)
    assert encode(Gaps(network="y", gaps=(Gap(since=1),)))[0] == b"gap/y"
    assert [record.value for record in topics.records("policies") if record.key == b"gap/y"][-1].endswith(
        b'"format":9}'
    )


# -- whoever has written finds it --------------------------------------------------------------------------------------


class Lagging(tokens.Keys):
    """What is read comes two looks late."""

    looks = 0

    @property
    def book(self) -> Book:
        """One more is read with each look."""
        self.looks += 1
        return Book(offset=4 + self.looks)


def test_an_answer_waits_until_its_own_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the next request finds it; not for ever."""

    async def send(*_: object) -> int:
        return 7

    monkeypatch.setattr(outlet, "send", send)
    monkeypatch.setattr(outlet.Outlet, "_check", lambda _: None)
    keys = Lagging(Settings())
    where = asyncio.run(outlet.Outlet(Settings(), keys).policies((b"rule/a", None)))
    assert where == {"topic": "policies", "partition": 0, "offset": 7}
    assert keys.book.offset >= 7 + 1
    asyncio.run(keys.reaches(10**9, 0.01))


# -- channels and tokens -------------------------------------------------------------------------------------------------


def test_channels(client: httpx.Client, topics: Topics) -> None:
    """Secrets are named, never sent."""
    sent(client.put("/v1/channels/ops", json={"url": "https://h.example/x", "sign": ["secret:ops"]}))
    assert topics.book().channels == (Channel(name="ops", url="https://h.example/x", sign=("secret:ops",)),)
    assert "hush" not in wrong(client.put("/v1/channels/ops", json={"url": "https://h", "token": "hush"}), "$.token")
    wrong(
        client.put("/v1/channels/ops", json={"url": "https://h", "quiet": {"from": "22:00", "until": "7:00"}}),
        "$.quiet.until",
    )
    sent(client.delete("/v1/channels/ops"))
    assert topics.book().channels == ()


def test_tokens(client: httpx.Client, topics: Topics) -> None:
    """By their hashes; whoever removes their own is out."""
    sent(client.put("/v1/tokens/bob", json={"hash": "ab" * 32, "scope": "write"}))
    assert [one.name for one in topics.book().tokens] == ["bob", "me"]
    assert Token(name="bob", hash="ab" * 32, scope="write") in topics.book().tokens
    wrong(client.put("/v1/tokens/bob", json={"hash": "clout_hush"}), "$.hash")
    sent(client.delete("/v1/tokens/me"))
    until(lambda: client.delete("/v1/tokens/bob"), lambda answer: answer.status_code == 401)


# -- without Kafka -------------------------------------------------------------------------------------------------------


def test_topics_that_are_not_as_they_must_be(topics: Topics, served: Serve) -> None:
    """503 that says what to do; the topic is not made by accident."""
    header = topics.token("me", "admin")
    own = topics.settings
    client = served(kafka=own.kafka, topic_prefix=own.topic_prefix, partitions=7)
    answer = until(
        lambda: client.put("/v1/rules/a", json={"when": {"falls": 5}}, headers=header),
        lambda answer: answer.json()["type"] != "urn:clout:problem:no-tokens-yet",
    )
    assert "controls" in str(problem(answer, 503)["detail"])
    assert answer.headers["retry-after"]
    with Admin(own) as admin:
        assert all(found.ok for found in admin.find())


def test_a_gap_that_would_be_forgotten_at_once(refused: httpx.Client, untouched: Topics) -> None:
    """422 for one that was over long ago, or is no moment; nothing is sent."""
    long_ago = {"since": 1_483_228_800_000, "until": 1_483_229_000_000}
    assert "too long ago" in wrong(refused.put("/v1/gaps/x", json=long_ago), "$.until")
    wrong(refused.put("/v1/gaps/x", json={"since": 0, "until": 0}), "$")
    assert not untouched.book().gaps
