"""Rules of alerts: each once, by the policies that the header names, and what is kept of them outlives a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from agents.proof.simulation.faults import Faults
from agents.proof.simulation.mutations.registry import Change, Registry, instead
from streams.fold.episodes import FIRING
from streams.fold.rows import SCORE
from streams.formats import episodes
from streams.model import alerts
from streams.model.alerts import Judge
from streams.model.cases import Case
from streams.model.ruleset import RuleSet
from streams.partition.ranks import Lines
from streams.partition.scoring import Scoring
from streams.partition.sending import Sender
from streams.policies.book import Book

MUTATIONS = Registry()


@MUTATIONS.mutation("what rules keep of users is lost at a take-over")
def _lost_episodes() -> Iterator[None]:
    with instead(episodes, "load", lambda _: lambda *_: None):
        yield


@MUTATIONS.mutation("what rules keep of users is not kept")
def _episodes_not_kept() -> Iterator[None]:
    with instead(episodes, "records", lambda _: lambda *_: []):
        yield


@MUTATIONS.mutation("a rule is in force before its time")
def _before_its_time() -> Iterator[None]:
    def at(_: Any) -> Any:
        return lambda self, _: tuple(rule for rule in self.rules if rule.enabled)

    with instead(Book, "at", at):
        yield


@MUTATIONS.mutation("alerts are judged by newer policies than the header names")
def _other_policies() -> Iterator[None]:
    def keep(real: Any) -> Any:
        async def keeping(self: Any, cut: Any, version: int) -> Any:
            self._rules.offset, offset = max(self._rules.offset - 1, -1), self._rules.offset
            header = await real(self, cut, version)
            self._rules.offset = offset
            return header

        return keeping

    with instead(Sender, "_keep", keep):
        yield


@MUTATIONS.mutation("the id of an alert has a version in it")
def _version_in_id() -> Iterator[None]:
    def alert(real: Any) -> Any:
        def made(self: Any, *given: Any, **named: Any) -> Any:
            told = real(self, *given, **named)
            body = msgspec.json.decode(told.value)
            body["id"] = f"{body['id']}/{body['version']}"
            return told._replace(value=msgspec.json.encode(body))

        return made

    with instead(Case, "_alert", alert):
        yield


@MUTATIONS.mutation("an alert that is over is forgotten at once, and its cooldown")
def _no_cooldown() -> Iterator[None]:
    def keep(real: Any) -> Any:
        def keeping(self: Any, phase: int, *rest: Any) -> bool:
            if phase == FIRING:
                return bool(real(self, phase, *rest))
            self._table.episodes.drop(self._table.cells, self._slot, self._key)
            return True

        return keeping

    with instead(Case, "_keep", keep):
        yield


@MUTATIONS.mutation("rules that came after users are of nobody")
def _nobody_new() -> Iterator[None]:
    with instead(RuleSet, "_find", lambda _: lambda _: None):
        yield


@MUTATIONS.mutation("users are judged after what was published of them was noted")
def _judged_late() -> Iterator[None]:
    def judge(real: Any) -> Any:
        def judging(self: Any, done: Any, *rest: Any) -> Any:
            self._table.cells[done.slots, SCORE] = done.scores
            return real(self, done, *rest)

        return judging

    with instead(Judge, "judge", judge):
        yield


@MUTATIONS.mutation("a score line is applied before its offset")
def _line_too_early() -> Iterator[Change]:
    runs: list[Faults] = []

    def follow(real: Any) -> Any:
        return lambda self, book, now_ms: real(self, book._replace(lines=runs[-1].book().lines), now_ms)

    with instead(RuleSet, "follow", follow):
        yield runs.append


@MUTATIONS.mutation("a score line is made of what a partition told first")
def _old_histogram() -> Iterator[None]:
    def spread(real: Any) -> Any:
        def spreading(self: Any, counted: Any, *rest: Any) -> None:
            known = self.counted.get(counted.partition)
            real(self, counted._replace(counts=known.counts) if known else counted, *rest)

        return spreading

    with instead(Scoring, "_spread", spread):
        yield


@MUTATIONS.mutation("a score line is made before all partitions have told")
def _some_partitions() -> Iterator[None]:
    def records(real: Any) -> Any:
        def made(self: Any, counted: Any, *rest: Any) -> Any:
            self._partitions = len(counted)
            return real(self, counted, *rest)

        return made

    with instead(Lines, "records", records):
        yield


@MUTATIONS.mutation("whom a score line has left behind is not looked at")
def _left_behind() -> Iterator[None]:
    with instead(RuleSet, "left_behind", lambda _: lambda _: np.empty(0, np.intp)):
        yield


@MUTATIONS.mutation("where score lines were is forgotten at a take-over")
def _lines_forgotten() -> Iterator[None]:
    with instead(Sender, "judged_by", lambda _: lambda *_: None):
        yield


@MUTATIONS.mutation("gaps of networks are ignored")
def _no_gaps() -> Iterator[None]:
    with instead(alerts, "judged_scores", lambda _: lambda *given: given[3][:, None].copy()):
        yield


@MUTATIONS.mutation("gaps of one network are applied to another")
def _other_network() -> Iterator[None]:
    def judged(real: Any) -> Any:
        def judging(table: Any, gaps: Any, *rest: Any) -> Any:
            named = {"n": "m", "m": "n"}
            return real(table, tuple(msgspec.structs.replace(one, network=named[one.network]) for one in gaps), *rest)

        return judging

    with instead(alerts, "judged_scores", judged):
        yield
