"""The protocol under faults at every step: a hundred seeds (`clout simulate`: any number), and each broken rule is noticed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.proof.simulation import run as simulation
from agents.proof.simulation.mutations import MUTATIONS
from agents.proof.simulation.noticed import noticed
from agents.proof.simulation.run import PATIENCE, Outcome, attempt, run

SEEDS = int(os.environ.get("CLOUT_TEST_SEEDS", "100"))


@pytest.mark.timeout(900)
def test_seeds_are_clean_and_mutations_are_caught() -> None:
    """Rows, Redis and `scores` equal the plain fold whatever fails; each rule, turned into its opposite, makes some seed fail."""
    outcome = run(range(SEEDS))
    if outcome.looked_for:
        warnings.warn(
            f"old seeds are noted, see agents/proof/simulation/noticed.py; looked for: {outcome.looked_for}",
            stacklevel=1,
        )
    assert outcome.failed == {}
    assert outcome.missed == []
    assert len(outcome.caught) == len(MUTATIONS) >= 12


def test_a_seed_is_the_same_each_time() -> None:
    """A failing seed can be replayed: the same steps at the same times."""
    for seed in (3, 77):
        first: list[str] = []
        again: list[str] = []
        assert attempt(seed, first.append) == attempt(seed, again.append) == []
        assert first == again
        assert len(first) > 50


class Here(ThreadPoolExecutor):
    """In place of processes, for what they would not know of."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(1)


def tried(monkeypatch: pytest.MonkeyPatch, table: dict[str, int], wrong: Callable[[int, str | None], bool]) -> Outcome:
    """Of seeds 0 to 3 and the mutations of this table, when seeds are wrong as told."""

    def attempt(seed: int, mutation: str | None = None) -> list[str]:
        return ["wrong"] if wrong(seed, mutation) else []

    monkeypatch.setattr(simulation, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(simulation, "attempt", attempt)
    monkeypatch.setattr(simulation, "noticed", lambda: table)
    return run(range(4), mutations=[*table, "none is noted"])


def test_a_noted_seed_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not notice any more is said, and the mutation looked for from the first seed on."""
    outcome = tried(monkeypatch, {"old": 7, "right": 9}, lambda seed, mutation: bool(mutation) and seed in {2, 9})
    assert outcome.caught == {"old": 2, "right": 9, "none is noted": 2}
    assert outcome.looked_for == ["old", "none is noted"]
    assert outcome.ok


def test_a_noted_seed_does_not_hide_that_nothing_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """All seeds are tried before a mutation counts as missed."""
    outcome = tried(monkeypatch, {"old": 7}, lambda seed, mutation: mutation == "old" and seed == PATIENCE - 1)
    assert outcome.caught == {"old": PATIENCE - 1}
    assert outcome.missed == ["none is noted"]


def test_a_seed_that_is_wrong_by_itself_notices_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is run without the mutation, too, also where it is none of those that were asked for."""
    outcome = tried(monkeypatch, {"right": 9}, lambda seed, mutation: seed == 9 or (bool(mutation) and seed == 3))
    assert outcome.failed == {9: ["wrong"]}
    assert not outcome.ok


def test_seeds_are_noted_for_mutations_that_are() -> None:
    """The table names no others."""
    assert set(noticed()) <= set(MUTATIONS)
