"""Alerts, rules and status: what is told of the application as a whole."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import orjson

from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from tests.api.conftest import SCORES, Scene, now_ms


def test_the_latest_alerts(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """The newest first, as many as asked for."""
    scene.write(SCORES, alerts=tuple({"type": "alert", "user": "x:<b>", "id": f"a{n}", "at": n} for n in range(30)))
    client = served()
    body = client.get("/v1/alerts").json()
    assert [one["id"] for one in body["items"]] == [f"a{n}" for n in range(29, 9, -1)]
    assert abs(body["as_of"] - now_ms()) < 60_000
    assert [one["id"] for one in client.get("/v1/alerts?limit=2").json()["items"]] == ["a29", "a28"]


def test_rules(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """Those in force as workers told them; null while nobody has."""
    body = served().get("/v1/rules").json()
    assert (body["items"], body["offset"]) == ([], None)
    rule = {"name": "day-fall", "severity": "warning", "when": {"falls": 1.5}}
    with connect_sync(scene.settings) as redis:
        redis.hset(Keys(scene.settings.redis_prefix, 0).rules, mapping={"offset": 17, "rules": orjson.dumps([rule])})
    body = served().get("/v1/rules").json()
    assert (body["items"], body["offset"], "as_of" in body) == ([rule], 17, True)


def test_status_says_what_is_wrong(scene: Scene, served: Callable[..., httpx.Client]) -> None:
    """With workers all is well; a partition that never wrote and a channel in trouble are told. Kafka is not asked."""
    wrong = served().get("/v1/status").json()["wrong"]
    assert wrong == ["partitions 0, 1, 2, 3 never wrote: is `clout worker` running?"]
    scene.write(SCORES)
    body = served().get("/v1/status").json()
    assert (body["wrong"], body["workers"], body["users"], body["kafka"]) == ([], ["w"], 4, None)
    assert abs(body["as_of"] - now_ms()) < 60_000
    ops = {"channel": "ops", "enabled": True, "waiting": 2, "dead": 1, "oldest": None, "open_until": None}
    scene.deliver(ops | {"off": "by hand", "last": "", "at": now_ms()}, told=({"channel": "ops"},))
    body = served().get("/v1/status").json()
    assert body["wrong"] == ["channel ops: switched off: by hand"]
    assert body["deliveries"] == [{"channel": "ops"}]
