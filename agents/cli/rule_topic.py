"""The topic `policies` for the command: what it holds, and sending to it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from agents.cli.rule_text import IN_FORCE, state
from agents.terminal import safe
from streams.broker.admin import Admin
from streams.broker.policies import read
from streams.broker.sending import send_policies
from streams.errors import CloutError, TopicMismatch
from streams.model.rules import Rule
from streams.policies.book import Policies
from streams.settings import Settings
from streams.topics import POLICIES


def known(settings: Settings) -> Policies:
    """All policies there are. Raises TopicMismatch when the topic is not as it must be."""
    with Admin(settings) as admin:  # a broker that creates topics by itself would make it as it likes
        problems = [topic.problem for topic in admin.find() if topic.topic is POLICIES and not topic.ok]
    if problems:
        raise TopicMismatch("\n".join(problems))
    return asyncio.run(read(settings))


def named(policies: Policies, name: str) -> Rule:
    """The rule of that name. Raises CloutError when there is none."""
    for rule in policies.book().rules:
        if rule.name == name:
            return rule
    raise CloutError(safe(f"no rule is named {name}; `clout rule list` has them all"))


def described(rule: Rule, policies: Policies, now_ms: float) -> dict[str, Any]:
    """For JSON."""
    found = state(rule, now_ms)
    return {
        "name": rule.name,
        "state": "later" if rule.enabled and found != IN_FORCE else found,
        "built_in": rule.name in policies.built and rule.name not in policies.told,
        "offset": policies.told.get(rule.name),
        "rule": msgspec.to_builtins(rule),
    }


def send(settings: Settings, records: list[tuple[bytes, bytes | None]]) -> int:
    """All of them, in their order; until they are acknowledged. Returns the offset of the last.

    Raises DependencyDown when the broker has gone, NotAllowed when it denies this user the topic.
    """
    return asyncio.run(send_policies(settings, records))
