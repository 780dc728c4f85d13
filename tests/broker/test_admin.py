"""What is asked of a broker that is not quite there yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError, KafkaError

from streams.broker import admin as module
from streams.broker.admin import Admin


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
