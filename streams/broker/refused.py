"""Why a broker does not create a topic, and what to do about it."""

from __future__ import annotations

from typing import Any

#: what to do about a refusal, by the name of the client's error
_ADVICE = {
    "InvalidReplicationFactorError": "set CLOUT_REPLICATION to at most the number of brokers, or start the others",
    "InvalidTopicError": "use another CLOUT_TOPIC_PREFIX",
    "PolicyViolationError": "ask who runs the brokers, or have them create the topics as `clout topics list` shows",
    "TopicAuthorizationFailedError": "this user lacks Create on it: `clout topics acls` lists what to grant",
}


def refusals(answers: list[dict[str, Any]]) -> list[str]:
    """The broker's reasons in a CreateTopics answer, and for which topics."""
    from kafka.errors import TopicAlreadyExistsError, for_code

    refused: dict[str, list[str]] = {}
    for topic in answers:
        kind = for_code(topic["error_code"])
        if topic["error_code"] and kind is not TopicAlreadyExistsError:  # made by another one meanwhile: checked later
            reason = topic.get("error_message") or kind.description
            reason = f"{kind.__name__.removesuffix('Error')}: {reason.rstrip('.')}; {_ADVICE.get(kind.__name__, 'see its log')}"
            refused.setdefault(reason.replace(topic["name"], "<topic>"), []).append(topic["name"])
    return [
        f"the broker refuses to create {', '.join(names)}: {reason.replace('<topic>', names[0]) if len(names) == 1 else reason}"
        for reason, names in refused.items()
    ]
