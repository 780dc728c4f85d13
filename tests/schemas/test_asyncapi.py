"""The AsyncAPI document is one, and says of topics what the registry and the settings say; the files are what is generated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streams.schemas
from streams.schemas import asyncapi, values
from streams.schemas.files import files
from streams.settings import Settings
from streams.topics import ALL, READ_ONLY, STATE

FOLDER = Path(str(streams.schemas.__file__)).parent
SETTINGS = Settings(
    kafka="a:9092,b:9093", kafka_security="SASL_SSL", topic_prefix="x-", partitions=12, replication=3, kafka_user="u"
)
#: for each object of AsyncAPI 3.0 that we use: the fields that must be there, and those that may
FIELDS: dict[str, tuple[str, str]] = {
    r"": ("asyncapi info channels", "defaultContentType servers operations components"),
    r"/info": ("title version", "description license"),
    r"/servers/[^/]+": ("host protocol", ""),
    r"/channels/[^/]+": ("address messages", "description bindings"),
    r"/operations/[^/]+": ("action channel messages", ""),
    r"/components": ("messages", ""),
    r"/components/messages/[^/]+": ("payload", "contentType bindings"),
    r"/channels/[^/]+/bindings/kafka": ("topic bindingVersion", "partitions replicas topicConfiguration"),
    r"/components/messages/[^/]+/bindings/kafka": ("key bindingVersion", ""),
    r"/(channels|components/messages)/[^/]+/bindings": ("kafka", ""),
}


def objects(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document with its path."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from objects(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from objects(inner, f"{path}/{n}")


def at(document: Any, reference: str) -> Any:
    """What a reference leads to; KeyError: nowhere."""
    for name in reference.removeprefix("#/").split("/"):
        document = document[name]
    return document


@pytest.mark.parametrize("settings", [Settings(), SETTINGS], ids=["defaults", "others"])
def test_it_is_a_document(settings: Settings) -> None:
    """Its objects have the fields that AsyncAPI 3.0 gives them, each reference leads somewhere, each operation to its channel."""
    made = json.loads(json.dumps(asyncapi.document(settings)))
    met = set()
    for path, one in objects(made):
        for pattern, (must, may) in FIELDS.items():
            if re.fullmatch(pattern, path):
                met.add(pattern)
                assert set(must.split()) <= set(one) <= {*must.split(), *may.split()}, path
        if "$ref" in one:
            assert at(made, one["$ref"])
    assert met == set(FIELDS)
    assert made["asyncapi"] == "3.0.0"
    for one in made["operations"].values():
        assert one["action"] in {"send", "receive"}
        for message in one["messages"]:
            assert message["$ref"].startswith(f"{one['channel']['$ref']}/messages/")
    reached = {at(made, ref["$ref"])["$ref"] for one in made["operations"].values() for ref in one["messages"]}
    assert reached == {f"#/components/messages/{name}" for name in made["components"]["messages"]}


def test_it_is_about_these_topics() -> None:
    """Names, partitions, retention, keys and payloads, as a worker with these settings has them."""
    made = asyncapi.document(SETTINGS)
    assert set(made["channels"]) == {topic.name for topic in ALL}
    for topic in ALL:
        channel = made["channels"][topic.name]
        kafka = channel["bindings"]["kafka"]
        assert channel["address"] == kafka["topic"] == f"x-{topic.name}"
        assert (kafka["partitions"], kafka["replicas"]) == (topic.partitions or 12, 3)
        kept = kafka["topicConfiguration"]
        policy = {"compacted": ["compact"], "compacted, 30 d": ["compact", "delete"]}.get(topic.kept, ["delete"])
        assert kept["cleanup.policy"] == policy
        if match := re.search(r"(\d+) d$", topic.kept):
            assert kept["retention.ms"] == int(match[1]) * 86_400_000
        messages = [at(made, one["$ref"]) for one in channel["messages"].values()]
        if topic is STATE:
            assert [one["payload"] for one in messages] == [values.header(), values.rows()]
        else:
            assert [one["payload"] for one in messages] == [values.value(topic)]
        assert all(one["bindings"]["kafka"]["key"] == values.key(topic) for one in messages)
    assert made["servers"]["kafka-2"] == {"host": "b:9093", "protocol": "kafka-secure"}


def test_operations_are_clouts() -> None:
    """It receives what producers send and sends what teams read; both of what is its own."""
    done: dict[str, set[str]] = {}
    for one in asyncapi.document(Settings())["operations"].values():
        done.setdefault(one["channel"]["$ref"].rpartition("/")[2], set()).add(one["action"])
    for topic in ALL:
        own = topic.name in values.INTERNAL
        assert done[topic.name] == ({"send", "receive"} if own else {"receive"} if topic in READ_ONLY else {"send"})


def test_the_files_are_current() -> None:
    """One for each public topic, of an explanation, and the document, as `deploy/readme` would write them; no other."""
    made, topics = files(), {f"{topic.name}.json" for topic in ALL if topic.name not in values.INTERNAL}
    assert set(made) == topics | {"explanation.json", "asyncapi.json"}
    assert {file.name for file in FOLDER.glob("*.json")} == set(made)
    stale = [name for name, text in made.items() if (FOLDER / name).read_text() != text]
    assert stale == [], "run deploy/readme"
