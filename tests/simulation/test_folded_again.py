"""The second verdict can fail: whatever is changed of what a run has committed, it says so; and it notices rules of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import pytest

from agents.proof.refolded import differences
from agents.proof.refolding import Committed
from agents.proof.simulation import again
from agents.proof.simulation import run as simulation
from agents.proof.simulation.faults import Faults
from agents.proof.simulation.models import both
from agents.proof.simulation.mutations import order
from agents.proof.simulation.noticed import noticed
from agents.proof.simulation.run import attempt
from streams.fold.rows import ACTED
from streams.model.table import Table
from streams.topics import ENGAGEMENTS, EVENTS

SEED = 13  #: of the default model, with rules of every sort
#: rules broken that other verdicts notice, too
OTHERS = (
    "a rule is in force before its time",
    "what rules keep of users is lost at a take-over",
    "the id of an alert has a version in it",
)


@dataclass
class Run:
    """What a run has committed in its first partition, and what `state` keeps of it."""

    faults: Faults
    partitions: list[Committed]
    rows: dict[int, Table]

    @property
    def first(self) -> Committed:
        return self.partitions[0]

    def change(self, **fields: Any) -> None:
        self.partitions[0] = self.first._replace(**fields)

    def header(self, number: int, **fields: Any) -> None:
        headers = [*self.first.headers]
        headers[number] = msgspec.structs.replace(headers[number], **fields)
        self.change(headers=headers)

    def wrong(self) -> list[str]:
        return [*differences(self.partitions, self.rows, cache(self.faults.book), self.faults.settings)]


@pytest.fixture(scope="module")
def faults() -> Faults:
    """What a run of this seed has left."""
    found: list[Faults] = []

    def nothing(faults: Faults) -> list[str]:
        found.append(faults)
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "folded_again", nothing)
        assert simulation.simulate(SEED) == []
    return found[0]


@pytest.fixture
def run(faults: Faults) -> Iterator[Run]:
    """The same, to be changed."""
    partitions = [again.committed(faults, number) for number in range(faults.settings.partitions)]
    with both():
        yield Run(faults, partitions, {of.number: again.rows(faults, of) for of in partitions})


def test_what_was_committed_comes_again(run: Run) -> None:
    """There is something of each sort in the run, and nothing is wrong with it."""
    assert {header.model for header in run.first.headers} >= {"clout-1"}
    assert len({header.generation for header in run.first.headers}) > 1
    assert any(len(header.turns) > 1 for header in run.first.headers)
    assert run.first.alerts
    assert run.wrong() == []


def _score(run: Run) -> None:
    run.first.scores[-1]["score"] += 1e-6


def _alert(run: Run) -> None:
    run.first.alerts[-1]["causes"] = []


def _alert_twice(run: Run) -> None:
    run.change(alerts=[*run.first.alerts, run.first.alerts[-1]])


def _alert_gone(run: Run) -> None:
    run.change(alerts=run.first.alerts[:-1])


def _nobody(run: Run) -> None:
    changed = run.first.scores[0]["version"]
    run.change(scores=[one for one in run.first.scores if one["version"] != changed])


def _event_gone(run: Run) -> None:
    inputs = dict(run.first.inputs)
    name = max((topic.name for topic in EVENTS), key=lambda name: len(inputs[name]))
    run.change(inputs={**inputs, name: inputs[name][1:]})


def _pack_gone(run: Run) -> None:
    inputs = dict(run.first.inputs)
    packs = inputs[ENGAGEMENTS.name]
    gone = next(one for one in packs if b"weight" in (one.value or b""))
    run.change(inputs={**inputs, ENGAGEMENTS.name: [one for one in packs if one is not gone]})


def _last_turn(run: Run) -> None:
    at = max(n for n, header in enumerate(run.first.headers) if header.turns)
    run.header(at, turns=run.first.headers[at].turns[:-1])


def _older_policies(run: Run) -> None:
    at = max(n for n, header in enumerate(run.first.headers) if header.policies >= 0)
    run.header(at, policies=-1)


def _first_commits(run: Run) -> None:
    headers = [*run.first.headers]
    counted = next(n for n, header in enumerate(headers) if any(header.counts.values()))
    run.change(headers=headers[counted:])


def _row(run: Run) -> None:
    table = run.rows[0]
    table.cells[: len(table), ACTED] += 1e-3


def _memory(run: Run) -> None:
    run.rows[0].memory.arrays.size[:] = 0


def _episode(run: Run) -> None:
    run.rows[0].episodes.arrays.began[:] += 1


def _reject(run: Run) -> None:
    run.change(rejects=[*run.first.rejects, b"likes[0]@1"])


CHANGES: tuple[tuple[Callable[[Run], None], str], ...] = (
    (_score, "scores of "),
    (_alert, "alerts of "),
    (_alert_twice, "alerts: "),
    (_alert_gone, " is missing"),
    (_nobody, " is missing"),
    (_event_gone, " is not made again"),
    (_pack_gone, "engagements: "),
    (_last_turn, "says positions"),
    (_older_policies, "says lines"),
    (_first_commits, "had counted already"),
    (_row, "records of "),
    (_memory, "memory of "),
    (_episode, "episodes of "),
    (_reject, "rejects: "),
)


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_whatever_is_changed_is_said(run: Run, change: Callable[[Run], None], said: str) -> None:
    """Of scores, alerts, input, headers, rows."""
    change(run)
    assert any(said in one for one in run.wrong())


@pytest.mark.parametrize("rule", [*order.MUTATIONS, *OTHERS])
def test_a_broken_rule_is_noticed_by_this_verdict(rule: str) -> None:
    """It goes by the rules as they are, whatever the workers went by."""
    seeds = [noticed()[rule], *range(30)]  # at the first the plain verdict may notice it, and this one nothing
    assert any(one.startswith("folded again: ") for seed in seeds for one in attempt(seed, mutation=rule))
