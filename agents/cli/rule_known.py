"""Rules that the topic `policies` has, for the command: by name, and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.cli.rule_text import IN_FORCE, state
from agents.terminal import safe
from streams.errors import CloutError
from streams.model.rules import Rule
from streams.policies.book import Policies


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
