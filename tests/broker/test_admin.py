"""What is asked of a broker that is not quite there yet."""

from __future__ import annotations

import gc
import logging
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError, KafkaError

from agents.local.embedded import free_port
from streams.broker import admin as module
from streams.broker.admin import Admin
from streams.errors import DependencyDown, TopicMismatch
from streams.settings import Settings


def admin(answers: list[Any]) -> Admin:
    """An admin whose broker gives these answers, one after the other."""

    def describe_groups(_: list[str]) -> dict[str, dict[str, list[str]]]:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, KafkaError):
            raise answer
        return {"clout": {"members": answer}}

    made = object.__new__(Admin)
    made._settings = SimpleNamespace(app="clout")  # type: ignore[assignment]
    made._client = SimpleNamespace(describe_groups=describe_groups)
    made._errors = KafkaError
    return made


def test_the_first_group_of_a_broker_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What will come is asked for again for a while; what is refused is not."""
    monkeypatch.setattr(module, "_COORDINATOR_S", 0.5)
    assert admin([CoordinatorNotAvailableError(), CoordinatorNotAvailableError(), ["a", "b"]]).members() == 2
    with pytest.raises(CoordinatorNotAvailableError):
        admin([CoordinatorNotAvailableError()]).members()
    refused: list[Any] = [GroupAuthorizationFailedError(), []]
    with pytest.raises(GroupAuthorizationFailedError):
        admin(refused).members()


def test_a_topic_that_one_broker_does_not_know_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look may ask another broker: only several in a row that find all topics end the wait."""
    monkeypatch.setattr(module, "_KNOWN_S", 0.5)
    slow, quick = [], [SimpleNamespace(name="likes", partitions=4)]
    looks: list[Any] = [quick, [SimpleNamespace(name="likes", partitions=None)], *[quick] * module._LOOKS, slow]
    made = object.__new__(Admin)
    monkeypatch.setattr(made, "find", lambda: looks.pop(0), raising=False)
    made._wait_until_known()
    assert looks == [slow]
    monkeypatch.setattr(made, "find", lambda: [SimpleNamespace(name="likes", partitions=None)])
    with pytest.raises(TopicMismatch, match=r"likes.*does not list"):
        made._wait_until_known()


def test_who_waits_for_kafka_keeps_nothing_open(caplog: pytest.LogCaptureFixture) -> None:
    """A worker tries for hours: each attempt ends its thread and closes its files."""
    caplog.set_level(logging.CRITICAL, "kafka")  # what is logged and kept would keep sockets
    settings = Settings(kafka=f"127.0.0.1:{free_port()}")

    def attempt() -> tuple[int, int]:
        with pytest.raises(DependencyDown, match="no Kafka at"):
            Admin(settings, timeout_ms=50)
        gc.collect()  # the client leaves the socket that was refused to the collector
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    attempt()  # what is opened once
    threads, files = attempt()
    later = [attempt() for _ in range(3)]
    assert max(later) <= (threads, files)
