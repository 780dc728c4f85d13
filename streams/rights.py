"""The least rights on the brokers (Kafka's ACLs) of each who connects, derived from the registry of topics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.settings import Settings
from streams.topics import (
    ALERTS,
    ALL,
    CONTROLS,
    CURSORS,
    DELIVERIES,
    EVENTS,
    NAMES,
    POLICIES,
    READ_ONLY,
    RECEIVED,
    REJECTS,
    SCORES,
    SOURCES,
    STATE,
    Topic,
)

TOPIC, GROUP, TRANSACTIONS = "topic", "group", "transactional-id"
READ, WRITE, CREATE, DESCRIBE = "Read", "Write", "Create", "Describe"

#: who needs rights, and for what
ROLES = {
    "worker": "clout worker",
    "feed": "clout feed and control, and every program that produces events or controls",
    "source": "clout feed of a live source, as in clout feed bluesky",
    "reader": "programs that consume the topics scores and alerts; with a consumer group they need Read on it",
    "alerting": "clout alerting",
    "api": "who runs the API apart from a worker: it reads tokens and rules; writes go to controls and policies",
    "operator": "clout topics, control, rule, channel, token, alerts, state, rejects, rebuild, status and doctor",
}


class Right(NamedTuple):
    """One operation on one resource, or on all whose names begin so."""

    resource: str
    name: str
    operation: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} {self.shown_name()}"

    def shown_name(self) -> str:
        """The name; with a star for all that begin so."""
        return f"{self.name}{'*' if self.prefixed else ''}"

    def described(self) -> dict[str, str]:
        """For JSON, with Kafka's words."""
        pattern = "prefixed" if self.prefixed else "literal"
        return {"resource": self.resource, "name": self.name, "pattern": pattern, "operation": self.operation}


def least(settings: Settings, role: str) -> list[Right]:
    """The rights of a role, in the order of the registry."""
    group = Right(GROUP, settings.app, READ)
    fences = Right(TRANSACTIONS, settings.transactional_id(0).removesuffix("0"), WRITE, prefixed=True)
    if role == "worker":
        written = [topic for topic in ALL if topic not in (*RECEIVED, CURSORS, NAMES, DELIVERIES)]
        known = (*SOURCES, CONTROLS, POLICIES, STATE, ALERTS)  # alerts: to fill them again in Redis
        taken = [topic for topic in ALL if topic in known]
        rights = [*_each(settings, taken, READ), *_each(settings, written, WRITE)]
        looked_at = _each(settings, (CURSORS, NAMES, DELIVERIES), DESCRIBE)  # it looks whether all topics are as they must be
        rights += [*looked_at, group]
        return [*rights, fences] if settings.transactions else rights
    if role == "feed":
        return _each(settings, RECEIVED, WRITE)
    if role == "source":
        own = Right(TRANSACTIONS, settings.source_id(""), WRITE, prefixed=True)
        both = (POLICIES, CURSORS, NAMES)
        rights = [*_each(settings, both, READ), *_each(settings, (*EVENTS, *both), WRITE)]
        return [*rights, own] if settings.transactions else rights
    if role == "reader":
        return _each(settings, (SCORES, ALERTS), READ)
    if role == "alerting":
        rights = _each(settings, (POLICIES, ALERTS, DELIVERIES), READ)
        own = group._replace(name=f"{settings.app}-alerting")
        return [*rights, *_each(settings, (DELIVERIES,), WRITE), own]
    if role == "api":
        return [*_each(settings, (POLICIES,), READ), *_each(settings, (CONTROLS, POLICIES), WRITE)]
    # an import looks into the sources, writes `state` and fences workers; whoever sees the group need not read in it
    read = _each(settings, (*SOURCES, POLICIES, CURSORS, STATE, ALERTS, DELIVERIES, REJECTS), READ)
    return [
        *_each(settings, ALL, CREATE),
        *_each(settings, (SCORES, NAMES), DESCRIBE),
        *read,
        *_each(settings, (STATE, *READ_ONLY, DELIVERIES, REJECTS), WRITE),  # what was rejected goes back, with a mark
        group._replace(operation=DESCRIBE),
        fences,
        Right(TRANSACTIONS, f"clout-rejects-{settings.topic(REJECTS.name)}", WRITE),
    ]


def _each(settings: Settings, topics: Iterable[Topic], operation: str) -> list[Right]:
    return [Right(TOPIC, settings.topic(topic.name), operation) for topic in topics]


def told(missing: Iterable[Right]) -> str:
    """What a person is told who lacks rights."""
    return f"this Kafka user lacks rights: {', '.join(map(str, missing))}; `clout topics acls` lists what to grant"
