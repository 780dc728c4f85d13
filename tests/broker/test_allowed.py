"""Errors of both clients that say a right is missing, as a person is told them."""

from __future__ import annotations

import aiokafka.errors as aio
import kafka.errors as python
import pytest

from streams.broker.allowed import denied


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (aio.TopicAuthorizationFailedError("likes"), "Read on topic likes"),
        (aio.TopicAuthorizationFailedError({"b", "a"}), "Read on topic a, b"),
        (aio.GroupAuthorizationFailedError("clout"), "Read on group clout"),
        (aio.TransactionalIdAuthorizationFailed("clout-0"), "Read on transactional-id clout-0"),
        (python.TopicAuthorizationFailedError("likes"), "Read on topic likes"),
        (python.ClusterAuthorizationFailedError(), "Read on cluster"),
    ],
)
def test_errors_of_both_clients(error: Exception, said: str) -> None:
    """The operation that was asked for, the kind of thing and its name."""
    found = denied(error, "Read")
    assert found
    assert f"lacks {said};" in str(found)


def test_what_is_known_without_the_caller() -> None:
    """An id is always written to; any other error is none of a right."""
    assert "lacks Write on transactional-id clout-0" in str(denied(aio.TransactionalIdAuthorizationFailed("clout-0")))
    assert "lacks Write on topic likes" in str(denied(aio.TopicAuthorizationFailedError(), "Write", "likes"))
    assert denied(aio.KafkaConnectionError("gone")) is None
    assert denied(OSError("gone")) is None
