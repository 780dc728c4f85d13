"""The AsyncAPI 3.0 document of all topics, under the names that they have for these settings."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from streams.schemas.values import BYTES, INTERNAL, JSON, PACKED, Schema, header, key, rows, value
from streams.settings import Settings
from streams.topics import ALL, CURSORS, DELIVERIES, READ_ONLY, STATE, Topic

_BINDING = "0.5.0"  # of AsyncAPI's binding for Kafka
_TEXT = (
    "Live social influence scores from 1 to 100. Operations are Clout's: it receives events, controls and policies, and sends "
    "scores, alerts and rejects. Topics that are called internal are for Clout alone. Read with `isolation.level=read_committed`."
)


def document(settings: Settings) -> dict[str, Any]:
    """The document, ready to be written as JSON. Payloads are those of `streams.schemas.values`."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Clout",
            "version": version("clout"),
            "description": _TEXT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON,
        "servers": _servers(settings),
        "channels": {topic.name: _channel(settings, topic) for topic in ALL},
        "operations": {name: one for topic in ALL for name, one in _operations(topic)},
        "components": {"messages": {name: one for topic in ALL for name, one in _messages(topic).items()}},
    }


def _servers(settings: Settings) -> dict[str, Any]:
    protocol = "kafka-secure" if settings.kafka_security.endswith("SSL") else "kafka"
    hosts = [host.strip() for host in settings.kafka.split(",")]
    return {f"kafka-{n}": {"host": host, "protocol": protocol} for n, host in enumerate(hosts, 1)}


def _channel(settings: Settings, topic: Topic) -> dict[str, Any]:
    binding: dict[str, Any] = {
        "topic": settings.topic(topic.name),
        "partitions": topic.partitions or settings.partitions,
        "topicConfiguration": {"cleanup.policy": ["delete"]} | {n: _typed(n, v) for n, v in topic.config.items()},
        "bindingVersion": _BINDING,
    }
    if settings.replication > 0:
        binding["replicas"] = settings.replication
    return {
        "address": settings.topic(topic.name),
        "description": topic.value,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(topic)},
        "bindings": {"kafka": binding},
    }


def _typed(name: str, text: str) -> Any:
    """A topic's configuration in the types that the binding has for it."""
    if name == "cleanup.policy":
        return text.split(",")
    return int(text) if text.isdecimal() else text


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    actions = ("receive",) if topic in READ_ONLY else ("receive", "send") if topic.name in INTERNAL else ("send",)
    return [
        (
            f"{action}-{topic.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _messages(topic)],
            },
        )
        for action in actions
    ]


def _messages(topic: Topic) -> dict[str, dict[str, Any]]:
    """The messages of a topic; `state` has two."""
    if topic is STATE:
        return {"state-header": _message(topic, header(), JSON), "state-row": _message(topic, rows(), BYTES)}
    packed = topic.name in INTERNAL and topic not in (CURSORS, DELIVERIES)
    return {topic.name: _message(topic, value(topic), PACKED if packed else JSON)}


def _message(topic: Topic, payload: Schema, content_type: str) -> dict[str, Any]:
    return {
        "contentType": content_type,
        "payload": payload,
        "bindings": {"kafka": {"key": key(topic), "bindingVersion": _BINDING}},
    }
