"""Writes by the client, over a real Kafka: they arrive as the topics have them."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import orjson
import pytest

from agents.client import Clout, NotFound, NotLetIn, WrongInput, WrongScope
from streams.model.channels import Silence
from streams.model.rules import Rule, When
from tests.api.conftest import Scene, now_ms
from tests.api.on_kafka import on


def test_writes(scene: Scene, served: Callable[..., httpx.Client], kafka: str, prefix: str) -> None:
    """With the token that they need; what is wrong is said by its place."""
    topics = on(kafka, prefix, scene.settings)
    topics.create()
    secret = topics.token("me", "write")["Authorization"].removeprefix("Bearer ")
    url = str(served(kafka=kafka, topic_prefix=prefix).base_url)
    with Clout(url) as nobody, pytest.raises(NotLetIn):
        nobody.link("x:ada", "ann")
    with Clout(url, secret, timeout_s=60) as client:
        sent = client.facts("x:ada", {"followers": {"value": 1200}})
        (record,) = topics.records("controls")
        assert (record.partition, record.offset) == (sent.partition, sent.offset)
        assert orjson.loads(record.value)["facts"]["followers"]["value"] == 1_200
        client.put_rule("low", {"when": {"below": 40}})
        client.put_rule("lower", Rule(name="lower", when=When(below=20)))
        client.put_silence("census", {"networks": ["x"], "until": now_ms() + 60_000})
        client.begin_gap("y/z")
        client.remove_rule("low")
        book = topics.book()
        assert {one.name for one in book.rules} == {"day-fall", "week-fall", "lower"}
        assert [type(one) for one in book.silences] == [Silence]
        assert [one.network for one in book.gaps] == ["y/z"]
        with pytest.raises(NotFound):
            client.remove_rule("low")
        with pytest.raises(NotFound):
            client.acknowledge("day-fall", "x:ada")
        with pytest.raises(WrongInput) as wrong:
            client.put_rule("low", {"when": {"falls": "5"}})
        assert [one.at for one in wrong.value.mistakes] == ["$.when.falls"]
        with pytest.raises(WrongScope) as refused:
            client.remove_channel("ops")
        assert refused.value.needs == "admin"
