"""The rules that somebody goes by, and how far `policies` was read for them."""

from __future__ import annotations

from typing import NamedTuple

from streams.policies.rules import Rule, built_in


class Book(NamedTuple):
    """Rules by name; what is switched off or not yet in force is among them."""

    rules: tuple[Rule, ...] = built_in()
    offset: int = -1  #: of the last policy in `policies` that was read; -1: none

    def at(self, now_ms: float) -> tuple[Rule, ...]:
        """The rules in force at a moment, ms since epoch."""
        return tuple(rule for rule in self.rules if rule.enabled and rule.since <= now_ms)
