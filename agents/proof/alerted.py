"""Alerts of a run beside brute force: the offline fold at the moment of each judgement, and rules judged one by one.

Of what a worker has published only the moments are taken at which it judged somebody. The scores are those of `streams.offline`,
folded up to that moment; those that they are compared with are everybody's at the closes, kept when they came. Causes are plain
sums over the events.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from agents.proof.plain_causes import Doings, wrong
from agents.proof.plain_rules import MOST, Plain
from streams.fold.days import NONE
from streams.model import assess
from streams.model.rules import Rule, Within
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats
from streams.offline import BLOCK, Core
from streams.sources.record import Produced
from streams.topics import KIND_OF

LINE = 1e-6  #: points: who is nearer to where a rule begins or ends is left out, for rounding may decide
CLOSE = 1e-3  #: points by which those of a cause may differ: of closed days seven digits are kept
_BACK: dict[Within, int] = {"1d": 0, "7d": 6, "30d": 29}  # closes before the last
_KEPT = 31  # closes

Record = dict[str, Any]


class Judgement(NamedTuple):
    """Somebody was scored and judged."""

    at: int
    user: str
    score: float  #: as it was published
    interval: tuple[int, int]  #: partition and version


@dataclass
class Verdict:
    """What was found."""

    judgements: int = 0
    alerts: int = 0  #: of the run
    right: int = 0  #: of these, as brute force has them
    on_the_way: int = 0  #: that differ, of episodes that began before all had arrived
    near: int = 0  #: left out, for they are about somebody near a line
    told: Counter[str] = field(default_factory=Counter)  #: alerts after all had arrived, by rule and state
    causes: Counter[str] = field(default_factory=Counter)  #: of what was raised then
    wrong: list[str] = field(default_factory=list)
    stale: int = 0  #: users whom the idle pass has passed over, at one of the moments asked for
    farthest: float = 0.0  #: points between a published score and that of the fold at its moment


class History:
    """The offline fold of events, in the order of time, as far as it was asked for."""

    def __init__(self, events: Sequence[Produced], model: Model) -> None:
        self.table, self._core = Table(model), Core()
        self._events, self._times, self._at = events, [one.ts for one in events], 0
        self._close_ms = events[0].ts // DAY_MS * DAY_MS + DAY_MS  #: the next one
        self._closes: dict[int, Floats] = {}  #: everybody's scores, by slot, at the last ones

    def go(self, now_ms: int) -> None:
        """It is this late: everything up to this moment is in the table."""
        while self._close_ms <= now_ms:
            self._fold(self._close_ms)
            self._closes[self._close_ms] = assess.population(self.table, self._close_ms)
            self._closes.pop(self._close_ms - _KEPT * DAY_MS, None)
            self._close_ms += DAY_MS
        self._fold(now_ms + 1)
        self.table.days.begin(now_ms)

    def before(self, slots: Slots, within: Within) -> Floats:
        """The scores (n,) that a rule compares with; NONE."""
        scores = self._closes.get(self._close_ms - DAY_MS - _BACK[within] * DAY_MS, np.zeros(0))
        found = np.full(len(slots), NONE)
        known = slots < len(scores)
        found[known] = scores[slots[known]]
        return found

    def _fold(self, before_ms: int) -> None:
        end = bisect_left(self._times, before_ms, self._at)
        for start in range(self._at, end, BLOCK):
            some = self._events[start : min(start + BLOCK, end)]
            self._core.fold(self.table, [one.value for one in some], [KIND_OF[one.topic] for one in some], 2**60)
        self._at = end


class _Alert(NamedTuple):
    user: str
    rule: str
    state: str
    episode: int
    at: int


def beside(
    events: Sequence[Produced],
    model: Model,
    rules: Sequence[Rule],
    judged: Iterable[Judgement],
    alerts: Sequence[Record],
    moments: Sequence[int] = (),
    settled_ms: int = 0,
) -> Verdict:
    """Compare the alerts of a run, of rules that fall by points, with those of brute force at the same judgements.

    `events` and `judged` by time, the judgements of a partition in the order of its topic; `moments`, ascending: when everybody
    whose score had moved must have been judged. Until `settled_ms` engagements were on their way between partitions, and a
    published score may lack some that happened before its moment: alerts of episodes that began until then are only counted.
    """
    run = _Run(History(events, model), rules, Counter((one["version"], one["user"]) for one in alerts), settled_ms)
    waiting = list(moments)
    for at, some in groupby(judged, key=lambda one: one.at):
        while waiting and waiting[0] < at:
            run.look(waiting.pop(0))
        run.judge(at, list(some))
    for moment in waiting:
        run.look(moment)
    verdict = run.verdict
    verdict.alerts, doings = len(alerts), Doings(events, model)
    for one in alerts:
        if one["at"] > settled_ms:
            verdict.told[f"{one['rule']} {one['state']}"] += 1
            verdict.wrong += _causes(one, doings, rules, verdict) if one["state"] == "raised" else ()
    return _compared(verdict, [_Alert(*(one[name] for name in _Alert._fields)) for one in alerts], run, settled_ms)


class _Run:
    """Everybody judged again, as the run goes on."""

    def __init__(self, found: History, rules: Sequence[Rule], told: Counter[tuple[int, str]], settled_ms: int) -> None:
        """`told`: how many alerts were told of a user under a version; an interval has room for so many only."""
        self._found, self._rules, self._told, self._settled_ms = found, rules, told, settled_ms
        self.verdict, self.wanted = Verdict(), list[_Alert]()
        self.near: set[tuple[str, str]] = set()
        self._users: dict[int, Plain] = {}  #: of whom something is kept
        self._published, self._room = np.zeros(0), defaultdict[tuple[int, int], int](lambda: MOST)

    def judge(self, at: int, some: Sequence[Judgement]) -> None:
        """These, at a moment."""
        found, verdict = self._found, self.verdict
        found.go(at)
        slots = found.table.users.find([one.user for one in some])
        scores = assess.scores(found.table, slots, at)
        self._published = np.append(self._published, np.zeros(max(len(found.table) - len(self._published), 0)))
        self._published[slots] = scores
        verdict.judgements += len(some)
        if at > self._settled_ms:
            published = np.fromiter((one.score for one in some), np.float64, len(some))
            verdict.farthest = max(verdict.farthest, float(np.abs(scores - published).max()))
        before = {rule.name: found.before(slots, rule.when.within) for rule in self._rules}
        fallen = np.zeros(len(some), np.bool_)
        for rule in self._rules:
            fallen |= (before[rule.name] != NONE) & (before[rule.name] - scores >= _falls(rule) - LINE)
        for n, (one, slot) in enumerate(zip(some, slots.tolist(), strict=True)):
            if fallen[n] or slot in self._users:
                self._one(at, one, slot, float(scores[n]), {name: float(then[n]) for name, then in before.items()})
            self._room[one.interval] -= self._told[one.interval[1], one.user]

    def _one(self, at: int, one: Judgement, slot: int, score: float, before: Mapping[str, float]) -> None:
        user = self._users.setdefault(slot, Plain())
        self.near.update((one.user, rule.name) for rule in self._rules if _near(rule, before[rule.name], score, user))
        told = user.judged(self._rules, at, score, lambda rule: before[rule.name], room=self._room[one.interval])
        self.wanted += [_Alert(one.user, *alert, at) for alert in told]
        if not user.kept:
            del self._users[slot]

    def look(self, moment: int) -> None:
        """Whoever has moved by a displayed step at a moment must have been judged since."""
        found, published = self._found, self._published
        found.go(moment)
        moved = np.abs(assess.population(found.table, moment)[: len(published)] - published)
        self.verdict.stale += int(
            np.count_nonzero((moved >= found.table.model.displayed_step + 1e-6) & (published > 0))
        )


def _falls(rule: Rule) -> float:
    return rule.when.falls or np.inf


def _near(rule: Rule, before: float, score: float, user: Plain) -> bool:
    """Is somebody so near to where this rule begins or ends that rounding may decide?"""
    kept, falls = user.kept.get(rule.name), _falls(rule)
    compared = [(before, falls), (before, falls - rule.back)] + ([(kept.reference, falls - rule.back)] if kept else [])
    return any(then != NONE and abs(then - score - line) < LINE for then, line in compared)


def _causes(one: Record, doings: Doings, rules: Sequence[Rule], verdict: Verdict) -> Iterator[str]:
    """What is wrong with the causes of an alert."""
    rule = next(rule for rule in rules if rule.name == one["rule"])
    told = {cause["cause"]: cause["points"] for cause in one["causes"]}
    wanted = doings.causes(one["user"], _BACK[rule.when.within], one["at"], one["change"])
    verdict.causes[one["cause"]] += 1
    if found := wrong(told, wanted, one["cause"], CLOSE):
        yield f"{one['user']} at {one['at']}, rule {one['rule']}: {found}"


def _compared(verdict: Verdict, ours: list[_Alert], run: _Run, settled_ms: int) -> Verdict:
    there, here = set(ours), set(run.wanted)
    verdict.right = len(there & here)
    if len(there) != len(ours):
        verdict.wrong.append(f"{len(ours) - len(there)} alerts came more than once")
    for one in sorted(there ^ here):
        if one.episode <= settled_ms:
            verdict.on_the_way += 1
        elif (one.user, one.rule) in run.near:
            verdict.near += 1
        else:
            verdict.wrong.append(f"{one}: {'one too many' if one in there else 'missing'}")
    return verdict
