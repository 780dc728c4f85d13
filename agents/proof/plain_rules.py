"""Rules judged one by one, in plain Python, by what is published: what the alerts of kernels are compared with.

Nothing is known here but scores, and the scores that they are compared with. So a cause is asked for, and given by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from streams.fold.days import NONE
from streams.model.ranks import line_of
from streams.model.rules import WITHIN_MS, Rule

Lines = Mapping[str, tuple[float, float]]  #: where each line is, and where it was in the interval before, by name
_NO_LINES: Lines = MappingProxyType({})
MOST = 1_000  #: alerts that an interval tells of a partition
_AGAIN_MS = 3_600_000  # after so long it is looked again at a cause that was ignored


@dataclass
class Kept:
    """What is kept of a rule about a user: it is `firing`; over, and `cooling`, or `waiting` below its line; or `ignored`."""

    phase: str
    began: int
    reference: float


class Told(NamedTuple):
    """An alert."""

    rule: str
    state: str
    episode: int


class Plain:
    """One user. `published` is the score that was published last; 0: none. `waits`: to be judged in the next interval, too."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.published = 0.0
        self.waits = False
        self._lines, self._room = _NO_LINES, True

    def judged(
        self,
        rules: Iterable[Rule],
        now_ms: int,
        score: float,
        reference: Callable[[Rule], float],
        ignored: Callable[[Rule], bool] = lambda _: False,
        lines: Lines = _NO_LINES,
        lost: Callable[[Rule], float] = lambda _: 0.0,
        room: int = MOST,
        given_up: Iterable[Rule] = (),
    ) -> list[Told]:
        """The alerts. Asked for of a rule: the score that it compares with, NONE; and whether its cause is one it ignores.

        And how many points have faded in gaps in the time that it looks back on: falls and lines are judged as if they had not.
        When `room` alerts are told nothing more is: the user `waits`. What is on of rules that are `given_up` is over.
        """
        self._lines, self.waits = lines, False
        found: list[Told] = []
        for rule in given_up:
            if (kept := self.kept.get(rule.name)) and kept.phase == "firing":
                self.waits |= len(found) >= room
                found += [] if self.waits else [self._over(rule, kept, now_ms, "settled")]
        for rule in list(rules):
            gap, self._room = 0.0 if rule.when.rises else lost(rule), len(found) < room
            if told := self._one(rule, now_ms, score + gap, self.published + gap, reference, ignored):
                found.append(told)
        self.published = score
        return found

    def _one(
        self,
        rule: Rule,
        now_ms: int,
        score: float,
        published: float,
        reference: Callable[[Rule], float],
        ignored: Callable[[Rule], bool],
    ) -> Told | None:
        (line, was), kept = self._line(rule), self.kept.get(rule.name)
        before = published if line is not None else reference(rule)
        holds = score < line if line is not None else _moved(rule, before, score) >= _change(rule)
        enters = holds and (line is None or before >= was) and before >= rule.who.min_score
        if kept and kept.phase == "firing":
            return self._firing(rule, kept, now_ms, score, before)
        if kept and kept.phase == "ignored":
            if not holds:
                del self.kept[rule.name]
            elif now_ms - kept.began >= _AGAIN_MS and (line is not None or enters):
                return self._raise(rule, now_ms, before, ignored)
            return None
        if kept:
            if now_ms - kept.began < _cooldown_ms(rule):
                if line is not None and (enters or not holds):
                    kept.phase = "waiting" if holds else "cooling"
                return None
            if not (holds and (enters or kept.phase == "waiting")):
                del self.kept[rule.name]
                return None
            enters = True
        return self._raise(rule, now_ms, before, ignored) if enters else None

    def _line(self, rule: Rule) -> tuple[float | None, float]:
        """The line that a rule is about, 0 while nobody knows it, and where it was; None: it is about none."""
        if name := line_of(rule.when):
            return self._lines.get(name, (0.0, 0.0))
        return rule.when.below, rule.when.below or 0.0

    def _firing(self, rule: Rule, kept: Kept, now_ms: int, score: float, before: float) -> Told | None:
        line, _ = self._line(rule)
        if line is not None:
            recovered, settled = line > 0 and score >= min(line + rule.back, 100.0), False
        else:
            enough = _change(rule) - rule.back
            recovered = _moved(rule, kept.reference, score) <= enough
            settled = now_ms - kept.began >= WITHIN_MS[rule.when.within] and _moved(rule, before, score) <= enough
        if not (recovered or settled):
            return None
        if not self._room:
            self.waits = True
            return None
        return self._over(rule, kept, now_ms, "recovered" if recovered else "settled")

    def _over(self, rule: Rule, kept: Kept, now_ms: int, state: str) -> Told:
        kept.phase = "cooling"
        if now_ms - kept.began >= _cooldown_ms(rule):
            del self.kept[rule.name]
        return Told(rule.name, state, kept.began)

    def _raise(self, rule: Rule, now_ms: int, before: float, ignored: Callable[[Rule], bool]) -> Told | None:
        if not self._room:
            self.waits = True
            if self._line(rule)[0] is not None:  # below a line one stays, a fall is seen again
                self.kept[rule.name] = Kept("waiting", now_ms - _cooldown_ms(rule), before)
            return None
        held_back = ignored(rule)
        self.kept[rule.name] = Kept("ignored" if held_back else "firing", now_ms, before)
        return None if held_back else Told(rule.name, "raised", now_ms)


def _cooldown_ms(rule: Rule) -> int:
    """At least one: an episode is named by the moment at which it began."""
    return max(1_000 * rule.cooldown_s, 1)


def _change(rule: Rule) -> float:
    """What it must move by."""
    return rule.when.falls or rule.when.rises or 0.0


def _moved(rule: Rule, before: float, score: float) -> float:
    """By how much it has, in the direction of the rule and in its unit."""
    if before == NONE:
        return float("-inf")
    by = before - score if rule.when.falls else score - before
    return by * 100.0 / before if rule.when.unit == "percent" else by
