"""Alerts of a run beside brute force: the offline fold at the moment of each judgement, and rules judged one by one.

Of what a worker has published only the moments are taken at which it judged somebody. The scores are those of `streams.offline`,
folded up to that moment; those that they are compared with are everybody's at the closes, kept when they came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import Random
from typing import Any, NamedTuple

import numpy as np
import orjson

from agents.proof.plain_rules import Plain
from streams.fold.days import NONE
from streams.model import assess
from streams.model.causes import why
from streams.model.closes import booked, history
from streams.model.explain import Past
from streams.model.records import scored
from streams.model.rules import Rule, Within
from streams.model.table import Table
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats
from streams.offline import BLOCK, Core
from streams.sources.record import Produced, produced
from streams.topics import KIND_OF

LINE = 1e-6  #: points: who is nearer to where a rule begins or ends is left out, for rounding may decide
_BACK: dict[Within, int] = {"1d": 0, "7d": 6, "30d": 29}  # closes before the last
_KEPT = 31  # closes

Record = dict[str, Any]


class Judgement(NamedTuple):
    """Somebody was scored and judged."""

    at: int
    user: str
    score: float  #: as it was published


@dataclass
class Verdict:
    """What was found."""

    alerts: int = 0  #: of the run
    right: int = 0  #: of these, as brute force has them
    on_the_way: int = 0  #: that differ, of episodes that began before all had arrived
    near: int = 0  #: left out, for they are about somebody near a line
    causes: Counter[str] = field(default_factory=Counter)  #: of what was raised
    wrong: list[str] = field(default_factory=list)
    stale: int = 0  #: users whom the idle pass has passed over, at one of the moments asked for
    farthest: float = 0.0  #: points between a published score and that of the fold at its moment


def with_undos(events: Sequence[Produced], share: float, seed: int = 1, longest_ms: int = 3 * DAY_MS) -> list[Produced]:
    """The same by time, and so many of them taken back, each some time later."""
    dice, found = Random(seed), list(events)
    for one in events:
        if dice.random() < share:
            body = orjson.loads(one.value)
            ts = one.ts + 1_000 * dice.randint(60, longest_ms // 1_000)
            undo = {
                "id": f"{body['id']}-undone",
                "type": body["type"],
                "network": body["network"],
                "actor": body["actor"],
            }
            found.append(produced(undo | {"ts": ts, "undo": True, "ref": body["id"]}))
    return sorted(found, key=lambda one: one.ts)


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

    def before(self, slot: int, within: Within) -> float:
        """The score that a rule compares with; NONE."""
        scores = self._closes.get(self._close_ms - DAY_MS - _BACK[within] * DAY_MS)
        return float(scores[slot]) if scores is not None and slot < len(scores) else NONE

    def cause(self, slot: int, rule: Rule, now_ms: int, change: float) -> str:
        """The main cause of an alert, from the ledger of the fold."""
        table = self.table
        record = orjson.loads(scored(table, np.array([slot]), None, now_ms, 1).records[0])
        line = int(table.days.lines(np.array([slot]))[0])
        past = Past(table.days.closed_ms, list(history(table, slot)), booked(table, line))
        falls = rule.when.rises is None
        return why(record, table.model, now_ms, past, rule.when.within, change).main(fall=falls)

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
    alerts: Iterable[Record],
    moments: Sequence[int] = (),
    settled_ms: int = 0,
) -> Verdict:
    """Compare the alerts of a run, of rules that fall or rise, with those of brute force at the same judgements.

    `events` by time; `moments`, ascending: when everybody whose score had moved must have been judged.
    Until `settled_ms` engagements were on their way between partitions, and a published score may lack some that happened before
    its moment: alerts of episodes that began until then are only counted.
    """
    found, verdict = History(events, model), Verdict()
    raised = list(alerts)
    causes = {(one["user"], one["rule"], one["at"]): one["cause"] for one in raised if one["state"] == "raised"}
    ours = [_Alert(*(one[name] for name in _Alert._fields)) for one in raised]
    wanted: list[_Alert] = []
    near: set[tuple[str, str]] = set()
    users: defaultdict[str, Plain] = defaultdict(Plain)
    published = np.zeros(0)
    waiting = list(moments)
    for at, some in groupby(sorted(judged, key=lambda one: one.at), key=lambda one: one.at):
        while waiting and waiting[0] < at:
            verdict.stale += _stale(found, published, waiting.pop(0))
        found.go(at)
        now = list(some)
        slots = found.table.users.find([one.user for one in now])
        scores = assess.scores(found.table, slots, at)
        published = np.append(published, np.zeros(max(len(found.table) - len(published), 0)))
        published[slots] = scores
        for one, slot, score in zip(now, slots.tolist(), scores.tolist(), strict=True):
            if at > settled_ms:
                verdict.farthest = max(verdict.farthest, abs(score - one.score))
            before = {rule.name: found.before(slot, rule.when.within) for rule in rules}
            near.update(
                (one.user, rule.name) for rule in rules if _near(rule, before[rule.name], score, users[one.user])
            )
            by_rule = {rule: before[rule.name] for rule in rules}
            for told in users[one.user].judged(rules, at, score, by_rule.__getitem__):
                wanted.append(_Alert(one.user, *told, at))
                if at > settled_ms:
                    verdict.wrong += _cause(found, rules, wanted[-1], slot, score - before[told.rule], causes, verdict)
    for moment in waiting:
        verdict.stale += _stale(found, published, moment)
    return _compared(verdict, ours, wanted, near, settled_ms)


def _near(rule: Rule, before: float, score: float, user: Plain) -> bool:
    """Is somebody so near to where this rule begins or ends that rounding may decide?"""
    kept, change = user.kept.get(rule.name), rule.when.falls or rule.when.rises or 0.0
    compared = [(before, change), (before, change - rule.back)] + (
        [(kept.reference, change - rule.back)] if kept else []
    )
    return any(then != NONE and abs(abs(then - score) - line) < LINE for then, line in compared)


def _stale(found: History, published: Floats, moment: int) -> int:
    """How many have moved by a displayed step at a moment, and were not judged since."""
    found.go(moment)
    now = assess.population(found.table, moment)[: len(published)]
    return int(np.count_nonzero((np.abs(now - published) >= found.table.model.displayed_step + 1e-6) & (published > 0)))


def _cause(
    found: History,
    rules: Sequence[Rule],
    one: _Alert,
    slot: int,
    change: float,
    causes: dict[tuple[str, str, int], str],
    verdict: Verdict,
) -> Iterator[str]:
    told = causes.get((one.user, one.rule, one.at))
    if one.state == "raised" and told is not None:
        rule = next(rule for rule in rules if rule.name == one.rule)
        wanted = found.cause(slot, rule, one.at, change)
        verdict.causes[told] += 1
        if told != wanted:
            yield f"{one.user} at {one.at}, rule {one.rule}: the cause is {wanted}, not {told}"


def _compared(
    verdict: Verdict, ours: list[_Alert], wanted: list[_Alert], near: set[tuple[str, str]], settled_ms: int
) -> Verdict:
    there, here = set(ours), set(wanted)
    verdict.alerts, verdict.right = len(ours), len(there & here)
    if len(there) != len(ours):
        verdict.wrong.append(f"{len(ours) - len(there)} alerts came more than once")
    for one in sorted(there ^ here):
        if one.episode <= settled_ms:
            verdict.on_the_way += 1
        elif (one.user, one.rule) in near:
            verdict.near += 1
        else:
            verdict.wrong.append(f"{one}: {'one too many' if one in there else 'missing'}")
    return verdict
