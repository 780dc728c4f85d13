"""Users just scored, judged by the rules in force: alerts, each once, with the reason."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import judging
from streams.fold.judging import LINE, RAISE, RECOVERED
from streams.fold.rows import MOVED
from streams.model.cases import COOLDOWN, Alert, Case
from streams.model.closes import BACK, filled, hour_ago, model_of
from streams.model.gapped import judged_scores
from streams.model.records import Rows, Scored
from streams.model.ruleset import RuleSet
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.windows import Floats

MOST = 1_000  #: alerts of one interval: judging costs 0.2 ms each, and who is left is judged in the next one


class Judged(NamedTuple):
    """What came of judging some users."""

    alerts: list[Alert]
    touched: Slots  #: of whom something else is kept now
    suppressed: dict[str, int]  #: what was not raised, by why: `cooldown`, `ignored`, `bound`


class Judge:
    """Judges the users of one table."""

    def __init__(self, table: Table, rules: RuleSet) -> None:
        self._table, self._rules = table, rules
        self._found = _room(0, 0)

    def dry(self, slots: Slots, scores: Floats, now_ms: int, *, urgent: bool = False) -> bool:
        """Has an alert about one of these, (n,), scored so, to be raised, or one by an urgent rule? Changes nothing.

        Causes are not asked for, nor looked at again where they were ignored.
        """
        before = filled(self._table, slots, BACK)
        refs = np.column_stack((hour_ago(self._table, slots, now_ms), before))
        judged = judged_scores(self._table, self._rules.gaps, slots, scores, None, now_ms)
        self._verdicts(slots, judged, refs, np.zeros(len(slots), np.uint8), now_ms, dry=True)
        n, rules = int(self._found.counts[0]), self._rules.rules
        raised = self._found.rule[:n][self._found.verdict[:n] == RAISE].tolist()
        return any(rules[number].urgent for number in raised) if urgent else bool(raised)

    def judge(
        self,
        done: Scored,
        marks: NDArray[np.uint8],
        now_ms: int,
        version: int,
        most: int = MOST,
        rows: Rows | None = None,
    ) -> Judged:
        """Judge users just scored, before SCORE is filled in; updates what is kept of them. At most so many alerts.

        `rows` are those that they were scored by, if copied.
        """
        refs = np.column_stack((done.hour, done.closes))
        judged = judged_scores(self._table, self._rules.gaps, done.slots, done.scores, rows, now_ms)
        self._verdicts(done.slots, judged, refs, marks, now_ms, dry=False)
        found, n = self._found, int(self._found.counts[0])
        suppressed = {COOLDOWN: int(found.counts[1])} if found.counts[1] else {}
        alerts: list[Alert] = []
        for place, number, verdict in zip(*(column[:n].tolist() for column in found[:3]), strict=True):
            waits = len(alerts) >= most
            if waits:
                self._table.dirty[done.slots[place]] |= MOVED
                if not (verdict == RAISE and self._rules.columns.sort[number] == LINE):
                    continue
            one = Case(self._table, self._rules, done, place, number, refs, judged, now_ms, version)
            if waits:
                one.waits()
                found.touched[place] = 1
                continue
            alert, held_back = one.raised() if verdict == RAISE else one.over(recovered=verdict == RECOVERED)
            found.touched[place] = 1
            if alert:
                alerts.append(alert)
            if held_back:
                suppressed[held_back] = suppressed.get(held_back, 0) + 1
        return Judged(alerts, done.slots[found.touched[: len(done.slots)] > 0], suppressed)

    def _verdicts(
        self, slots: Slots, scores: Floats, refs: Floats, marks: NDArray[np.uint8], now_ms: int, *, dry: bool
    ) -> None:
        """Into `found`; scores as `judged_scores` has them."""
        table, columns = self._table, self._rules.columns
        if len(slots) > len(self._found.touched) or len(self._found.place) < 2 * len(columns.key):
            self._found = _room(len(slots), 2 * len(columns.key))
        found, done = self._found, 0
        found.counts[:] = 0
        found.touched[:] = 0
        other = np.array([False, *(model_of(table, int(back)) != table.model.name for back in BACK)])
        while True:
            done = judging.judged(
                *(columns, table.episodes.arrays, table.cells, table.users.arrays, table.extras.arrays.linked),
                *(table.tops.arrays, np.ascontiguousarray(slots), scores, np.ascontiguousarray(refs), other),
                *(table.model.confident_actors, marks, float(now_ms), done, dry, found),
            )
            if done == len(slots):
                return
            self._found = found = _wider(found)


def _room(users: int, verdicts: int) -> judging.Found:
    verdicts = max(verdicts, 1_024)
    return judging.Found(
        np.zeros(verdicts, np.int64),
        np.zeros(verdicts, np.int64),
        np.zeros(verdicts, np.uint8),
        np.zeros(max(users, 512), np.uint8),
        np.zeros(2, np.int64),
    )


def _wider(found: judging.Found) -> judging.Found:
    """With room for twice as many verdicts."""
    wider = _room(len(found.touched), 2 * len(found.place))
    n = len(found.place)
    wider.place[:n], wider.rule[:n], wider.verdict[:n] = found.place, found.rule, found.verdict
    return wider._replace(touched=found.touched, counts=found.counts)
