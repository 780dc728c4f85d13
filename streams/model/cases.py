"""One verdict about one user, by one rule: the alert that it makes, and what is kept of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np

from streams.fold.episodes import COOLING, FIRING, IGNORED, WAITING
from streams.fold.gaps import FIRST_WINDOW, REAL
from streams.fold.judging import LINE, RISE
from streams.fold.rows import QUARTER, SCORE
from streams.model.causes import DAYS, Why, sentence, why
from streams.model.closes import booked, history
from streams.model.episodes import Episode
from streams.model.explain import Past
from streams.model.gapped import compared_with
from streams.model.influence import established
from streams.model.published import AlertRecord, Reference, State
from streams.model.ranks import called, line_of
from streams.model.records import Scored
from streams.model.rules import Within
from streams.model.ruleset import RuleSet, key_of
from streams.model.score import shown, terms
from streams.model.table import Table
from streams.model.windows import Floats

#: why no alert is raised though a rule holds: soon after the last one, its cause is not wanted, the user has MOST episodes
COOLDOWN, IGNORED_CAUSE, BOUND = "cooldown", "ignored", "bound"
SHOWN = 3  #: objects and people that an alert names
_COMPARED: dict[Within, str] = {
    "1h": "in an hour",
    "1d": "since the last daily close",
    "7d": "in seven days",
    "30d": "in thirty days",
}
_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


class Alert(NamedTuple):
    """One alert, ready to be sent."""

    user: str
    rule: str
    state: State
    cause: str
    value: bytes  #: an `AlertRecord`, JSON


class Case:
    """One verdict about one user, by one rule."""

    def __init__(
        self,
        table: Table,
        rules: RuleSet,
        done: Scored,
        place: int,
        number: int,
        refs: Floats,
        judged: Floats,
        now_ms: int,
        version: int,
    ) -> None:
        self._table, self._rules, self._now_ms, self._version = table, rules, now_ms, version
        self._rule, self._sort = rules.rules[number], int(rules.columns.sort[number])
        self._line, self._was = float(rules.columns.amount[number]), float(rules.columns.was[number])
        self._key, self._window = key_of(self._rule.name), int(rules.columns.window[number])
        self._slot, self._score = int(done.slots[place]), float(done.scores[place])
        self._refs, self._json = refs[place], done.records[place]
        column = FIRST_WINDOW + self._window  # of a line that of a day, because causes are those since the last close
        self._lost = float(judged[place, REAL] - judged[place, column]) if judged.shape[1] > 1 else 0.0  # in gaps
        self._kept = table.episodes.get(table.cells, self._slot, self._key)

    def raised(self) -> tuple[Alert | None, str]:
        """The alert; or None, and why it is held back."""
        rule, fall = self._rule, self._sort != RISE
        if rule.who.topic is not None and not self._is_of_topic(rule.who.topic):
            self._keep(IGNORED)
            return None, ""
        before = self._before()
        found = self._why(None if self._sort == LINE else self._score - before)
        cause = found.main(fall=fall)
        if cause in rule.ignore or (rule.require and cause not in rule.require):
            self._keep(IGNORED)
            return None, IGNORED_CAUSE
        if not self._keep(FIRING):
            return None, BOUND
        return self._alert("raised", self._now_ms, self._reference(before), found, fall=fall), ""

    def waits(self) -> None:
        """A line was crossed, and there is no room for the alert: it is raised in the next interval, if that is still so."""
        self._keep(WAITING, self._now_ms - self._rule.cooldown_ms)

    def over(self, *, recovered: bool) -> tuple[Alert, str]:
        """The alert that says so."""
        assert self._kept  # noqa: S101 - a verdict about what is kept
        before, began, rule = self._kept.reference, self._kept.began, self._rule
        if self._now_ms - began >= rule.cooldown_ms:
            self._table.episodes.drop(self._table.cells, self._slot, self._key)
        else:
            self._keep(COOLING, began, before)
        change = None if self._sort == LINE else self._score - before
        found = self._why(change)
        fall = found.change < 0
        reference = self._reference(before, began)
        return self._alert("recovered" if recovered else "settled", began, reference, found, fall=fall), ""

    def _keep(self, phase: int, began: int | None = None, reference: float | None = None) -> bool:
        kept = Episode(
            self._key,
            phase,
            self._now_ms if began is None else began,
            self._before() if reference is None else reference,
        )
        return self._table.episodes.put(self._table.cells, self._slot, kept)

    def _before(self) -> float:
        """The score that it is compared with; of a line that last published."""
        return float(self._table.cells[self._slot, SCORE] if self._sort == LINE else self._refs[self._window])

    def _reference(self, before: float, began: int | None = None) -> Reference:
        if self._sort == LINE:
            return Reference(score=self._line, at=None)
        return Reference(score=before, at=self._moment(self._now_ms if began is None else began))

    def _moment(self, now_ms: int) -> int:
        """When the score was that it is compared with, seen from a moment."""
        return compared_with(self._window, now_ms, self._table.days.closed_ms)

    def _why(self, change: float | None) -> Why:
        table, within = self._table, self._rule.when.within
        record: dict[str, Any] = _decode(self._json)
        line = int(table.days.lines(np.array([self._slot]))[0]) if within in ("7d", "30d") else 0
        closes = list(history(table, self._slot, DAYS[within] + 1)) if DAYS[within] else []
        past = Past(table.days.closed_ms, closes, booked(table, line))
        return why(
            record, table.model, self._now_ms, past, within if self._sort != LINE else "1d", change, self._gap(record)
        )

    def _gap(self, record: dict[str, Any]) -> tuple[float, float]:
        """Of what fades in the time that the rule looks back on, the part that gaps of networks cover, 0 to 1; and points."""
        model = self._table.model
        fades = self._score - shown(terms(record, model, self._moment(self._now_ms)).mass, model) if self._lost else 0.0
        return min(max(self._lost / fades, 0.0), 1.0) if fades else 0.0, min(self._lost, 0.0)

    def _is_of_topic(self, topic: str) -> bool:
        table = self._table
        topics, *_ = self._lists()
        return any(one.name == topic and established(one, table.days.closes_ms) for one in topics)

    def _lists(self) -> tuple[list[Any], ...]:
        table = self._table
        return table.tops.lists(self._slot, self._now_ms, table.model.half_lives_ms[QUARTER])

    def _alert(self, state: State, episode: int, reference: Reference, found: Why, *, fall: bool) -> Alert:
        rule, user = self._rule, self._table.users[self._slot]
        _, people, objects, _ = self._lists()
        cause = found.main(fall=fall)
        body = AlertRecord(
            id=f"{rule.name}/{user}/{episode}/{state}",
            rule=rule.name,
            state=state,
            severity=rule.severity,
            user=user,
            episode=episode,
            at=self._now_ms,
            score=self._score,
            reference=reference,
            change=found.change,
            cause=cause,
            causes=found.causes,
            sentence=self._sentence(state, found, fall=fall),
            objects=[one.name for one in objects[:SHOWN]],
            people=[one.name for one in people[:SHOWN]],
            policies=self._rules.offset,
            model=self._table.model.name,
            version=self._version,
        )
        return Alert(user, rule.name, state, cause, _encode(body))

    def _sentence(self, state: State, found: Why, *, fall: bool) -> str:
        user, rule = self._table.users[self._slot], self._rule
        if state == "recovered" and self._lost < 0 and self._sort != RISE:
            return f"{user} is at {self._score:.1f}, and what fades while a feed is silent does not count: `{rule.name}` is over"
        if state == "recovered":
            return f"{user} is back at {self._score:.1f}: `{rule.name}` is over"
        if state == "settled" and (person := self._person()):
            return f"`{rule.name}` is over for {user}: now an account of {person}, who is judged in its place"
        if state == "settled":
            return f"{user} stays at {self._score:.1f}: `{rule.name}` is over, the time it looks back on has passed"
        if self._sort == LINE and self._score >= self._was:
            place = f"{self._below()} now"
            return (
                f"{user} stays at {self._score:.1f}, {place}: that line rose from {self._was:.1f} to {self._line:.1f}"
            )
        compared = _COMPARED[rule.when.within] if self._sort != LINE else "since the last daily close"
        if self._sort == LINE:
            compared += f" and {self._below()}"
        return sentence(user, self._score, compared, found, fall=fall)

    def _person(self) -> str:
        """Who is judged by this rule in place of this account; empty: nobody is."""
        who = self._rule.who
        person = "" if who.users or who.network or who.topic else _decode(self._json).get("person", "")
        return str(person)

    def _below(self) -> str:
        """Where a rule by a line has somebody."""
        when = self._rule.when
        if line_of(when) is None:
            return f"below {when.below:g}"
        return f"{'below' if when.top is None else 'out of'} {called(when)} ({self._line:.1f})"
