"""Rules judged one by one, in plain Python: what kernels are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streams.fold.days import NONE
from streams.model.rules import WITHIN_MS, Rule, Within

HOUR_MS = 3_600_000


@dataclass
class Kept:
    """What is kept of a rule about the user."""

    phase: str
    began: int
    reference: float


class Plain:
    """One user, whom nothing happens to: all that moves a score is `earlier`."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules, self.kept, self.published = rules, dict[str, Kept](), 0.0

    def judged(self, now_ms: int, score: float, refs: Mapping[Within, float]) -> list[tuple[str, str, int]]:
        """(rule, state, episode) of the alerts, with these references by window."""
        found = [alert for rule in self.rules if (alert := self._one(rule, now_ms, score, refs))]
        self.published = score
        return found

    def _one(self, rule: Rule, now_ms: int, score: float, refs: Mapping[Within, float]) -> tuple[str, str, int] | None:
        when, kept = rule.when, self.kept.get(rule.name)
        line = when.below
        before = self.published if line is not None else refs[when.within]
        holds = score < line if line is not None else moved(rule, before, score) >= change_of(rule)
        enters = holds and (line is None or before >= line) and before >= rule.who.min_score
        if kept and kept.phase == "firing":
            over = (
                score >= min(line + rule.back, 100.0)
                if line is not None
                else (moved(rule, kept.reference, score) <= change_of(rule) - rule.back)
            )
            late = line is None and now_ms - kept.began >= WITHIN_MS[when.within]
            if over or (late and moved(rule, before, score) <= change_of(rule) - rule.back):
                kept.phase = "cooling"
                if now_ms - kept.began >= rule.cooldown_s * 1000:
                    del self.kept[rule.name]
                return rule.name, "recovered" if over else "settled", kept.began
            return None
        if kept and kept.phase == "ignored":
            if not holds:
                del self.kept[rule.name]
            elif now_ms - kept.began >= HOUR_MS and (line is not None or enters):
                return self._raise(rule, now_ms, score, before)
            return None
        if kept:
            if now_ms - kept.began < rule.cooldown_s * 1000:
                if line is not None and (enters or not holds):
                    kept.phase = "waiting" if holds else "cooling"
                return None
            if not (holds and (enters or kept.phase == "waiting")):
                del self.kept[rule.name]
                return None
            enters = True
        return self._raise(rule, now_ms, score, before) if enters else None

    def _raise(self, rule: Rule, now_ms: int, score: float, before: float) -> tuple[str, str, int] | None:
        change = 0.0 if rule.when.below is not None else score - before
        wanted = change > 0 if rule.when.rises else change < 0
        ignored = "earlier" in rule.ignore
        assert wanted or rule.when.below is not None
        self.kept[rule.name] = Kept("ignored" if ignored else "firing", now_ms, before)
        return None if ignored else (rule.name, "raised", now_ms)


def change_of(rule: Rule) -> float:
    """What it must move by."""
    return rule.when.falls or rule.when.rises or 0.0


def moved(rule: Rule, before: float, score: float) -> float:
    """By how much it has, in the direction of the rule and in its unit."""
    if before == NONE:
        return float("-inf")
    by = before - score if rule.when.falls else score - before
    return by * 100.0 / before if rule.when.unit == "percent" else by
