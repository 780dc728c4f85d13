"""Rules over history: the alerts that a worker would have raised over records at hand, by the clock of the events.

Records are folded as in `streams.offline`. At each step of event time everybody who was touched, or whose score has moved by a
displayed step in silence, is scored and judged, by what a worker judges with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from streams.fold.rows import MOVED, PUBLISHED, SCORE
from streams.model import assess, records
from streams.model.alerts import Judge
from streams.model.cases import Alert
from streams.model.closes import BACK, filled, hour_ago
from streams.model.rules import Rules
from streams.model.ruleset import RuleSet
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.model.versions import DAY_MS, Model
from streams.offline import BLOCK, Core, Report, in_time_order
from streams.people import persons
from streams.people.controls import Control
from streams.sources.record import Produced
from streams.topics import KIND_OF

EVERY_MS = 900_000  #: a step
_CHUNK = 2_048  # users judged together
_AHEAD_MS = 3 * 3_600_000  # so far is it looked ahead whose score can move at all
_ALL = 1 << 60  # alerts of a step: nobody waits for them


class Span(NamedTuple):
    """Over what time, and in which steps."""

    every_ms: int = EVERY_MS
    until_ms: int | None = None  #: events later than this are left out; without it until the newest event
    silence_ms: int = 0  #: and then so long nothing happens
    closes_ms: int = 0  #: a day closes so long after midnight, UTC


@dataclass(slots=True)
class Done:
    """What a trial did, beside its alerts."""

    begins_ms: int = 0  #: the first event; 0: none
    ends_ms: int = 0  #: the last step
    steps: int = 0
    judged: int = 0  #: users, each as often as it was
    suppressed: dict[str, int] = field(default_factory=dict)  #: what was not raised though a rule held, by why


class Trial:
    """Rules on trial over one history; `done` and `report` say what was done so far. `table` is what it comes to."""

    def __init__(self, rules: Rules, model: Model, span: Span, newest_ms: int) -> None:
        """Events later than `newest_ms` are rejected, as a worker does."""
        self.table, self.report, self.done = Table(model), Report(), Done()
        self.table.days.closes_ms = span.closes_ms
        self._core, self._span = Core(self.report), span
        self._newest_ms = newest_ms if span.until_ms is None else min(newest_ms, span.until_ms)
        self._rejected_ms = newest_ms
        self._rules, self._set = rules, RuleSet(self.table)
        self._judge = Judge(self.table, self._set)
        self._next_ms = 0  #: when the next step is
        self._near: NDArray[np.uint8] = np.zeros(0, np.uint8)  #: by slot: may they move in silence before that moment?
        self._near_until_ms = 0

    def alerts(
        self,
        produced: Iterable[Produced],
        controls: Iterable[Control] = (),
        on_block: Callable[[], None] = lambda: None,
    ) -> Iterator[Alert]:
        """Those of these records, in the order given, as they would have been raised. `on_block` is called now and then."""
        waiting = in_time_order(one for one in controls if one.ts <= self._newest_ms)
        block: list[Produced] = []
        for record in produced:
            if self._next_ms <= record.ts <= self._newest_ms or len(block) == BLOCK:
                self._fold(block)
                block = []
                on_block()
            while self._next_ms <= record.ts <= self._newest_ms:
                if not self._next_ms:
                    self.done.begins_ms, self._next_ms = record.ts, self._after(record.ts)
                    continue
                self._core.control(self.table, waiting, self._next_ms - 1)
                yield from self._step()
            block.append(record)
        self._fold(block)
        yield from self._rest(waiting)

    def _rest(self, waiting: deque[Control]) -> Iterator[Alert]:
        """Steps to the end, and in the silence that follows."""
        table, span = self.table, self._span
        if not self._next_ms:
            return
        ends_ms = max(table.clock, span.until_ms or 0) + span.silence_ms
        while self._next_ms <= ends_ms:
            self._core.control(table, waiting, self._next_ms - 1)
            yield from self._step()
        self._core.control(table, waiting, ends_ms)
        yield from self._judged(ends_ms)

    def _after(self, now_ms: int) -> int:
        """The step after a moment: steps are whole, and the last millisecond of each day is one."""
        every_ms, closes_ms = self._span.every_ms, self._span.closes_ms
        return min(now_ms - now_ms % every_ms + every_ms, _last_of_day(now_ms + 1, closes_ms))

    def _fold(self, block: list[Produced]) -> None:
        if block:
            values, kinds = [record.value for record in block], [KIND_OF[record.topic] for record in block]
            self._core.fold(self.table, values, kinds, self._rejected_ms, self._span.until_ms)

    def _step(self) -> Iterator[Alert]:
        yield from self._judged(self._next_ms)
        self._next_ms = self._after(self._next_ms)

    def _judged(self, now_ms: int) -> Iterator[Alert]:
        """Everybody with something new at this moment."""
        table, done = self.table, self.done
        table.days.begin(now_ms)
        persons.begin_day(table)
        marks = self._changed(now_ms)
        changed = np.flatnonzero(marks)
        self._set.follow(self._rules, now_ms)
        done.ends_ms, done.steps, done.judged = now_ms, done.steps + 1, done.judged + len(changed)
        for start in range(0, len(changed), _CHUNK):
            part = changed[start : start + _CHUNK]
            scored = self._scored(part, now_ms)
            found = self._judge.judge(scored, marks[part], now_ms, done.steps, _ALL)
            table.cells[part, SCORE], table.cells[part, PUBLISHED] = scored.scores, done.steps
            for why, count in found.suppressed.items():
                done.suppressed[why] = done.suppressed.get(why, 0) + count
            yield from found.alerts

    def _changed(self, now_ms: int) -> NDArray[np.uint8]:
        """How everybody has changed since the last step, by slot; 0: not."""
        table = self.table
        changed, touched = table.changed()
        if table.profiles:
            self._core.tell(table, changed, touched)
        marks = np.zeros(len(table), np.uint8)
        marks[changed] = touched
        if table.profiles:
            changed, touched = table.changed()
            marks[changed] |= touched
        if now_ms > self._near_until_ms:
            self._near = np.zeros(len(table), np.uint8)
        elif len(self._near) < len(table):
            self._near.resize(len(table), refcheck=False)
        self._near[np.flatnonzero(marks)] = 1
        marks[self._moved(now_ms)] |= MOVED
        return marks

    def _moved(self, now_ms: int) -> Slots:
        """As `assess.moved`. In silence a score only falls: who has not moved by a later moment has not before it either."""
        table = self.table
        if now_ms > self._near_until_ms:
            self._near_until_ms = now_ms + _AHEAD_MS
            self._near[assess.moved(table, self._near_until_ms)] = 1
        near, step = np.flatnonzero(self._near), table.model.displayed_step
        far = np.zeros(len(near), np.bool_)
        for start in range(0, len(near), _CHUNK):
            part = near[start : start + _CHUNK]
            published = table.cells[part, SCORE]
            far[start : start + _CHUNK] = (np.abs(assess.scores(table, part, now_ms) - published) >= step) & (
                published > 0
            )
        return near[far]

    def _scored(self, slots: Slots, now_ms: int) -> records.Scored:
        table = self.table
        lazy = cast(Texts, _Records(table, slots, now_ms, self.done.steps))
        scores, closes = assess.scores(table, slots, now_ms), filled(table, slots, BACK)
        return records.Scored(slots, scores, closes, hour_ago(table, slots, now_ms), lazy)


class _Records(NamedTuple):
    """Score records that are written when they are asked for: few are."""

    table: Table
    slots: Slots
    now_ms: int
    version: int

    def __getitem__(self, place: int) -> bytes:  # type: ignore[override]
        """That of one of them."""
        some = self.slots[place : place + 1]
        return next(iter(records.scored(self.table, some, None, self.now_ms, self.version).records))


def _last_of_day(now_ms: int, closes_ms: int) -> int:
    """The last millisecond of the day of a moment."""
    return now_ms + DAY_MS - 1 - (now_ms - closes_ms) % DAY_MS
